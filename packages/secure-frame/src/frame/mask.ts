/**
 * How a value is written in groups. `kept` are the characters of a text that count; all else is decoration, which
 * comes and goes as it must. The laws, for every text x (tested):
 *
 *   keep(write(keep(x))) = keep(x)        what counts is never lost
 *   write(keep(write(k))) = write(k)      writing twice is writing once
 */
export interface Mask {
  /** `isInserted`: something was typed or pasted; what is deleted is not to be completed again. */
  readonly keep: (text: string, isInserted: boolean) => string
  readonly separator: string
  /** Sizes of the groups; the last one has no end. */
  readonly groups: (kept: string) => readonly number[]
  /** How many characters there is room for. */
  readonly longest: (kept: string) => number
  /** Whether the stored value has the separators. */
  readonly isStoredInGroups: boolean
}

export function write({ separator, groups }: Mask, kept: string): string {
  const parts: string[] = []
  let from = 0
  for (const size of groups(kept).slice(0, -1)) {
    if (from + size >= kept.length) break
    parts.push(kept.slice(from, from + size))
    from += size
  }
  return [...parts, kept.slice(from)].join(separator)
}

/** Where the caret stands after so many characters that count. Before a separator, not after it. */
export function caretAfter(mask: Mask, kept: string, count: number): number {
  const { separator, groups } = mask
  let ends = 0
  let separators = 0
  for (const size of groups(kept).slice(0, -1)) {
    ends += size
    if (count > ends) separators += separator.length
  }
  return count + separators
}

/** The one form in which the value is stored. */
export function storedForm(mask: Mask, kept: string): string {
  return mask.isStoredInGroups ? write(mask, kept) : kept
}

/** Whether nothing of a stored value is lost when it is written in groups. Another one is left as it is. */
export function canHold(mask: Mask, value: string): boolean {
  return storedForm(mask, mask.keep(value, false)) === value
}

/** What an edit left in the control. */
export interface Typed {
  readonly text: string
  readonly caret: number
  /** What counted before the edit, and how much of it was before the selection. */
  readonly before: string
  readonly start: number
  /** Which way was deleted from a caret; `null`: something else was done. */
  readonly deleted: 'backward' | 'forward' | null
  readonly isInserted: boolean
}

/** What counts now, and after how many characters the caret stands. */
export interface Kept {
  readonly kept: string
  readonly at: number
}

export function afterEdit(mask: Mask, typed: Typed): Kept {
  const { text, caret, before, start, deleted, isInserted } = typed
  const kept = mask.keep(text, isInserted)
  const at = Math.min(mask.keep(text.slice(0, caret), isInserted).length, kept.length)
  // Only a separator was deleted: the character beyond it was meant.
  if (deleted !== null && kept === before) return without(kept, deleted === 'backward' ? at - 1 : at)
  if (!isInserted) return { kept, at }
  // There is no room: what came last does not come in, as with the `maxlength` of HTML.
  const surplus = Math.min(Math.max(0, kept.length - mask.longest(kept)), Math.max(0, at - start))
  return { kept: kept.slice(0, at - surplus) + kept.slice(at), at: at - surplus }
}

function without(kept: string, index: number): Kept {
  if (index < 0) return { kept, at: 0 }
  return { kept: kept.slice(0, index) + kept.slice(index + 1), at: index }
}
