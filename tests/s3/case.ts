import type { Lab } from './lab.ts'
import type { Seen } from './target.ts'

/** One behaviour: its name, what AWS S3 does by its documentation, and how to see what a store does. */
export type Case = readonly [name: string, documented: Seen, observe: (lab: Lab) => Promise<Seen>]
