import { BUDGET_TABLE, LIMIT_SCOPES, LIMIT_TABLE } from '@lunadefend/core'
import Type, { type TSchema } from 'typebox'
import { closed } from './config-texts.ts'

const Rate = Type.Object(
  {
    /** At once. */
    burst: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
    /** For each second that passes. A thousandth: one in some seventeen minutes. */
    perSecond: Type.Number({ minimum: 0.001, maximum: 1_000_000 }),
  },
  closed,
)

const Budget = Type.Object(
  {
    /** Different tokens. */
    most: Type.Integer({ minimum: 1, maximum: 100_000_000 }),
    seconds: Type.Integer({ minimum: 60, maximum: 7 * 86_400 }),
  },
  closed,
)

function each<T extends TSchema>(names: readonly string[], schema: T) {
  const properties = Object.fromEntries(names.map((name) => [name, Type.Optional(schema)]))
  return Type.Object(properties, closed)
}

/** Cells that replace those of the tables in docs/limits.md: `rates.<call>.<scope>` and `budgets.<scope>`. */
export const LimitSettings = Type.Object(
  {
    rates: Type.Optional(each(Object.keys(LIMIT_TABLE), each(LIMIT_SCOPES, Rate))),
    budgets: Type.Optional(each(Object.keys(BUDGET_TABLE), Budget)),
  },
  closed,
)
