import Type, { type TProperties } from 'typebox'
import { closed } from './config-texts.ts'

const Share = Type.Number({ exclusiveMinimum: 0, maximum: 1 })
const many = (minimum: number) => Type.Integer({ minimum, maximum: 100_000_000 })

const Effect = Type.Union([
  Type.Literal('off'),
  Type.Literal('alarm'),
  Type.Literal('step-up'),
  Type.Literal('freeze'),
])

function signal<T extends TProperties>(longestSeconds: number, thresholds: T) {
  const seconds = Type.Integer({ minimum: 60, maximum: longestSeconds })
  return Type.Object({ effect: Effect, seconds, ...thresholds }, closed)
}

const DAY = 86_400

/** Settings that replace those of the table in docs/signals.md. */
export const SignalSettings = Type.Object(
  {
    'new-network': Type.Optional(
      Type.Partial(signal(366 * DAY, { most: Type.Integer({ minimum: 2, maximum: 1000 }) })),
    ),
    refusals: Type.Optional(Type.Partial(signal(7 * DAY, { session: many(1), network: many(1) }))),
    'sequential-reading': Type.Optional(Type.Partial(signal(7 * DAY, { reads: many(10), share: Share }))),
  },
  closed,
)
