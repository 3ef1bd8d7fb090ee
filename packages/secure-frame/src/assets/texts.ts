import type { Component } from '@lunadefend/contract/frame-messages'
import type { FrameTexts, Locale, TextKey } from '@lunadefend/contract/frame-texts'
import { DOWNLOAD } from './texts/download.ts'
import { FIELD } from './texts/field.ts'
import { IMAGE } from './texts/image.ts'
import { INPUT } from './texts/input.ts'
import { PARAGRAPH } from './texts/paragraph.ts'
import { TABLE } from './texts/table.ts'
import { UPLOAD } from './texts/upload.ts'

/** The words of a component in each language. `{name}` is filled in by the component; each language has the same ones. */
export type Translations<C extends Component> = {
  readonly [L in Locale]: { readonly [K in TextKey<C>]: string }
}
type Tables = Readonly<Record<Locale, Readonly<Record<string, string>>>>

/** Every component that has more words than the title of a field. */
const TABLES = {
  input: INPUT,
  paragraph: PARAGRAPH,
  upload: UPLOAD,
  image: IMAGE,
  download: DOWNLOAD,
  table: TABLE,
} satisfies {
  readonly [C in keyof FrameTexts]: Translations<C>
}

/** What a component says, in every language. */
export function translationsOf(component: Component): Tables {
  const tables: { readonly [component: string]: Tables } = TABLES
  return tables[component] ?? FIELD
}
