import type { CedarValueJson, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs'

/** A value as JSON gives it, made into one of Cedar's. `undefined` = not there. Throws for one of another type. */
export type Convert = (value: unknown) => CedarValueJson | undefined

/** The value does not have the type that the policies declare for it. Says neither where nor what: it may be a name. */
class TypeMismatch extends Error {}

/** A declared type that metadata cannot have. */
export class UnusableType extends Error {}

interface Shape {
  readonly type: string
  readonly name?: string
  readonly element?: Shape
  readonly attributes?: Readonly<Record<string, Shape & { readonly required?: boolean }>>
}

type Named = Readonly<Record<string, Shape>>

/**
 * How metadata becomes a Cedar record of the declared type: what is not declared is left out, so no policy can depend
 * on it; what has another type than declared is a TypeMismatch, because a `forbid` that looks at it could not be asked.
 */
export function metadataConverter(schema: SchemaJson<string>): Convert {
  const named = (schema['']?.commonTypes ?? {}) as unknown as Named
  return converterOf({ type: 'Metadata' }, named)
}

function converterOf(shape: Shape, named: Named): Convert {
  switch (shape.type) {
    case 'String':
      return must((value) => typeof value === 'string')
    case 'Long':
      return must((value) => Number.isSafeInteger(value))
    case 'Bool':
    case 'Boolean':
      return must((value) => typeof value === 'boolean')
    case 'Set':
      return setOf(converterOf(shape.element ?? { type: 'missing' }, named))
    case 'Record':
      return recordOf(shape, named)
    case 'Extension':
    case 'EntityOrCommon':
      return converterOf({ type: shape.name ?? 'missing' }, named)
    default:
      return converterOfNamed(shape.type, named)
  }
}

/** Cedar's own types beyond those of JSON are written as strings, and the functions that read them. */
const EXTENSIONS = new Map([
  ['datetime', 'datetime'],
  ['duration', 'duration'],
  ['decimal', 'decimal'],
  ['ipaddr', 'ip'],
])

function converterOfNamed(name: string, named: Named): Convert {
  const fn = EXTENSIONS.get(name)
  if (fn !== undefined) return extension(fn)
  const shape = Object.hasOwn(named, name) ? named[name] : undefined
  if (shape === undefined) throw new UnusableType(`${name} is no type of JSON: metadata cannot have it`)
  return converterOf(shape, named)
}

function must(fits: (value: unknown) => boolean): Convert {
  return (value) => {
    if (!fits(value)) throw new TypeMismatch()
    return value as CedarValueJson
  }
}

function extension(fn: string): Convert {
  return (value) => {
    if (typeof value !== 'string') throw new TypeMismatch()
    return { __extn: { fn, arg: value } }
  }
}

function setOf(convert: Convert): Convert {
  return (value) => {
    if (!Array.isArray(value)) throw new TypeMismatch()
    return value.map((element) => {
      const converted = convert(element)
      if (converted === undefined) throw new TypeMismatch()
      return converted
    })
  }
}

function recordOf({ attributes = {} }: Shape, named: Named): Convert {
  const fields = Object.entries(attributes).map(([name, shape]) => {
    // `__entity` and `__extn` mean something else to Cedar.
    if (name.startsWith('__')) throw new UnusableType(`${name}: names that begin with "__" are Cedar's own`)
    return { name, isRequired: shape.required !== false, convert: converterOf(shape, named) }
  })
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeMismatch()
    const record: Record<string, CedarValueJson> = {}
    for (const { name, isRequired, convert } of fields) {
      const given = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : null
      if (given !== null && given !== undefined) record[name] = convert(given) as CedarValueJson
      else if (isRequired) throw new TypeMismatch()
    }
    return record
  }
}
