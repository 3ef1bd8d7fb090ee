/**
 * What protects new values: the object store, under a key that comes with each request (SSE-C), or the client, end to
 * end. `prefer-end-to-end` is for the time in which some clients cannot do it yet. Old records stay as they were made.
 */
export type Protection = 'store' | 'prefer-end-to-end' | 'require-end-to-end'

/** How a new value is protected, as records write it: 1 by the store, 2 end to end. `null` = this client may not. */
export function modeOfNew(protection: Protection, acceptsEndToEnd: boolean): 1 | 2 | null {
  switch (protection) {
    case 'store':
      return 1
    case 'prefer-end-to-end':
      return acceptsEndToEnd ? 2 : 1
    case 'require-end-to-end':
      return acceptsEndToEnd ? 2 : null
  }
}
