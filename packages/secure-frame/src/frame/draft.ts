import type { Fill } from '@lunadefend/contract/frame-messages'

/**
 * What a field knows of its own content. Page script may learn of what was typed here whether it obeys the page's
 * rules, and must learn nothing about a stored value. So content is `stored` from the moment a token is loaded until
 * nothing of it can be left, and of stored content nothing is said but `prefilled`; rules do not apply to it.
 */
export interface Draft {
  /** The token that stands for the text, or for a text that could not be shown. */
  readonly saved: { readonly tokenId: string; readonly text: string } | null
  readonly isStored: boolean
  /** Whether a stored value was ever here: the browser's undo could bring it back. */
  readonly hadStored: boolean
  /** Whether the user has changed the content since it was last loaded, cleared or tokenized. */
  readonly isEdited: boolean
}

export const BLANK: Draft = { saved: null, isStored: false, hadStored: false, isEdited: false }

/** A draft that a token fills; the text is `''` as long as the value is not there. */
export function filled(tokenId: string, text: string): Draft {
  return { saved: { tokenId, text }, isStored: true, hadStored: true, isEdited: false }
}

export function emptied({ hadStored }: Draft): Draft {
  return { ...BLANK, hadStored }
}

/** One change that the user made. */
export interface Edit {
  readonly before: string
  readonly after: string
  /** Whether all of the text was selected, so that none of it is left. */
  readonly isReplacement: boolean
  /** Undo and redo bring back text of any earlier moment. */
  readonly isHistory: boolean
}

export function edited(draft: Draft, { before, after, isReplacement, isHistory }: Edit): Draft {
  if (after === '') return { ...emptied(draft), isEdited: true }
  if (isHistory && draft.hadStored) return { ...draft, isStored: true, isEdited: true }
  const isGone = draft.isStored && (before === '' || isReplacement)
  return isGone ? { ...emptied(draft), isEdited: true } : { ...draft, isEdited: true }
}

/** What the user picked from a list of the page. A stored choice stays stored: whoever made the list knows what is in it. */
export function chosen(draft: Draft, text: string): Draft {
  return { ...(text === '' ? emptied(draft) : draft), isEdited: true }
}

export function tokenized(draft: Draft, tokenId: string, text: string): Draft {
  return { ...draft, saved: { tokenId, text } }
}

/** The token of exactly this text, or `null` when it must be tokenized. */
export function tokenOf({ saved }: Draft, text: string): string | null {
  return saved !== null && saved.text === text ? saved.tokenId : null
}

/** What may be said of the text. `isJudged`: the user has left the field, or tried to send it. */
export function fillOf(draft: Draft, text: string, obeys: () => boolean, isJudged: boolean): Fill {
  if (draft.isStored) return 'prefilled'
  if (text === '') return 'empty'
  if (obeys()) return 'complete'
  return isJudged ? 'invalid' : 'incomplete'
}
