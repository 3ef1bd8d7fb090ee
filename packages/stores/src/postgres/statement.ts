import type { QueryConfig } from 'pg'

/** A statement that a connection prepares once. */
export interface Statement {
  readonly name: string
  /** With `$1`, `$2`, … */
  readonly text: string
  /** What `$1`, `$2`, … are called. */
  readonly parameters: readonly string[]
}

type Value = string | number | boolean | Uint8Array | null | readonly (string | number | Uint8Array | null)[]
export type Values = Readonly<Record<string, Value>>

/** A statement with its values, ready to be sent. */
export interface Step {
  readonly statement: Statement
  readonly values: readonly Value[]
}

export type Row = Readonly<Record<string, unknown>>

/** What a statement answered: its rows, and how many it found or changed. */
export interface Answer {
  readonly rows: readonly Row[]
  readonly count: number
}

/** In the text, `:name::type` is a parameter. */
export function statement(name: string, sql: string): Statement {
  const parameters: string[] = []
  const text = sql.replace(/:([a-z]\w*)::(\w+(?:\[\])?)/gi, (_, parameter: string, type: string) => {
    if (!parameters.includes(parameter)) parameters.push(parameter)
    return `$${parameters.indexOf(parameter) + 1}::${type}`
  })
  return { name: `lunadefend_${name}`, text: text.replace(/\s+/g, ' ').trim(), parameters }
}

export function bind(statement: Statement, values: Values): Step {
  return {
    statement,
    values: statement.parameters.map((parameter) => {
      const value = values[parameter]
      if (value === undefined) throw new TypeError(`${statement.name} needs ${parameter}`)
      return value
    }),
  }
}

export function queryOf({ statement: { name, text }, values }: Step): QueryConfig<Value[]> {
  return { name, text, values: [...values] }
}
