/**
 * The words of the frame's components: which there are, and in which languages. Types and two small lists; the tables
 * themselves are on the Node side of the frame, which renders the one that is needed into the frame's page.
 */

/** Languages that come along, as primary language subtags (RFC 5646 §2.2.1). The first stands in for all others. */
export const LOCALES = ['en', 'de', 'es', 'fr', 'ar'] as const
export type Locale = (typeof LOCALES)[number]

/** The words of each component, by key. A component that is not here has a title, and no other words. */
export interface FrameTexts {
  /** Of the button at a password. */
  readonly input: 'show' | 'hide' | 'showPassword' | 'hidePassword'
  readonly paragraph:
    | 'endsWith'
    | 'beginsWith'
    | 'restHidden'
    | 'hidden'
    | 'show'
    | 'showAll'
    | 'hide'
    | 'notNow'
    | 'noMore'
    | 'copy'
    | 'copied'
    | 'notCopied'
  readonly image: 'noPicture'
  readonly download:
    | 'download'
    | 'cancel'
    | 'downloading'
    | 'progress'
    | 'amount'
    | 'saved'
    | 'cancelled'
    | 'failed'
  /** A value in a cell says what it says anywhere. */
  readonly table: FrameTexts['paragraph'] | 'noAccess'
  readonly upload:
    | 'choose'
    | 'chooseMany'
    | 'photo'
    | 'hint'
    | 'hintMany'
    | 'required'
    | 'list'
    | 'stored'
    | 'waiting'
    | 'checking'
    | 'sending'
    | 'sendingSoon'
    | 'reconnecting'
    | 'paused'
    | 'done'
    | 'failed'
    | 'unreadable'
    | 'pause'
    | 'resume'
    | 'retry'
    | 'cancel'
    | 'remove'
    | 'actionOn'
    | 'refusedType'
    | 'refusedSize'
    | 'refusedCount'
    | 'refusedFolder'
    | 'interrupted'
    | 'discard'
    | 'announceDone'
    | 'announceFailed'
    | 'announceRemoved'
    | 'announceProgress'
}
type Words = { readonly [component: string]: string } & FrameTexts
/** `title` is what a screen reader calls a frame without a label. */
export type TextKey<C extends string> = 'title' | (C extends keyof FrameTexts ? Words[C] : never)

/** An application's own words: by component, by key. Text, never HTML; {@link LONGEST_TEXT} characters at the most. */
export type OwnTexts = { readonly [C in keyof FrameTexts]?: { readonly [K in TextKey<C>]?: string } }
export const LONGEST_TEXT = 300

/** The language that comes along and fits best: `de-AT` is served German. */
export function localeFor(language: string): Locale {
  const [primary = ''] = language.toLowerCase().split('-')
  return LOCALES.find((locale) => locale === primary) ?? LOCALES[0]
}
