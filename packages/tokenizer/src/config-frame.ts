import Type, { type Static } from 'typebox'
import { closed } from './config-texts.ts'

const Text = Type.String({ minLength: 1, maxLength: 2000 })

/** One file of a family. What each may be: `fontProblem` of `@lunadefend/secure-frame/assets`. */
const FontFile = Type.Object(
  {
    /** A name in `fontFolder`, and no path. */
    file: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*\\.woff2$', maxLength: 255 }),
    weight: Type.Optional(Text),
    style: Type.Optional(Text),
    unicodeRange: Type.Optional(Text),
  },
  closed,
)

/** Fonts that the frame has, besides those of the user's machine. Pages use them by their name. */
const FontFamily = Type.Object(
  { family: Text, files: Type.Array(FontFile, { minItems: 1, maxItems: 64 }) },
  closed,
)

export const Frame = Type.Object(
  {
    /** Where the files of `fonts` are, and nothing else is taken from. */
    fontFolder: Text,
    fonts: Type.Array(FontFamily, { minItems: 1, maxItems: 16 }),
  },
  closed,
)

export type FrameSettings = Static<typeof Frame>
