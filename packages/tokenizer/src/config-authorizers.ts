import Type from 'typebox'
import { closed, Text } from './config-texts.ts'

/** What each means: `PolicySources` of `@lunadefend/authorizers`. */
const sources = { cedar: Type.Optional(Text), typescript: Type.Optional(Text) }

/** Policies that can only narrow what grants allow. What each means: `AuthorizerSettings` of `@lunadefend/authorizers`. */
export const Authorizers = Type.Object(
  {
    ...sources,
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    patienceMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
    memoryMb: Type.Optional(Type.Integer({ minimum: 16, maximum: 4_096 })),
    timeZone: Type.Optional(Text),
    reloadMs: Type.Optional(Type.Integer({ minimum: 50, maximum: 3_600_000 })),
    readMetadata: Type.Optional(Type.Boolean()),
    shadow: Type.Optional(Type.Object(sources, { ...closed, minProperties: 1 })),
  },
  { ...closed, anyOf: [{ required: ['cedar'] }, { required: ['typescript'] }] },
)
