import fc from 'fast-check'
import { hostileJsonText, hostileText } from './hostile.ts'

/** A JSON schema, as far as the contract uses it. */
export interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly { readonly required: readonly string[] }[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
}

/** One call of the contract. */
export interface Operation {
  readonly id: string
  readonly method: string
  readonly path: string
  /** `null` = it takes none. */
  readonly body: Schema | null
}

/** Real values by the name of the field, whole bodies by the id of the call: random ones are refused before anything happens. */
export type Pool = Readonly<Record<string, readonly unknown[]>>

export interface FuzzRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

type Headers = Readonly<Record<string, string>>

/** Requests for one call: good ones, and ones with a body, a header, a method, a path or a credential that is bent. */
export function requestsFor(
  { id, method, path, body }: Operation,
  pool: Pool,
  credentials: readonly Headers[],
): fc.Arbitrary<FuzzRequest> {
  const json: Headers = body === null ? {} : { 'content-type': 'application/json' }
  const valid = body === null ? fc.constant(null) : schemaValue(body, pool, id)
  const text = valid.map((value) => (value === null ? null : JSON.stringify(value)))
  const bentText = body === null ? fc.constant(null) : hostileJsonText(valid, 20_000)
  const by = fc.constantFrom(...credentials)
  const good = fc.record({
    method: fc.constant(method),
    path: fc.constant(path),
    headers: by.map((who) => ({ ...json, ...who })),
    body: text,
  })
  const withBody = fc
    .record({ request: good, body: bentText })
    .map(({ request, body }) => ({ ...request, body }))
  const withHeaders = fc
    .record({ request: good, odd: oddHeaders(credentials) })
    .map(({ request, odd }) => ({ ...request, headers: { ...request.headers, ...odd } }))
  const elsewhere = fc
    .record({ request: good, method: oddMethod(method), path: oddPath(path) })
    .map(({ request, ...odd }) => withoutBody({ ...request, ...odd }))
  return fc.oneof(
    { weight: 4, arbitrary: good },
    { weight: 4, arbitrary: withBody },
    { weight: 2, arbitrary: withHeaders },
    { weight: 1, arbitrary: elsewhere },
  )
}

/** RFC 9110 §9.3.1: what a body means there is said nowhere. */
function withoutBody(request: FuzzRequest): FuzzRequest {
  return ['GET', 'HEAD', 'TRACE'].includes(request.method) ? { ...request, body: null } : request
}

/** A value of the schema, real where the pool has one for its name. */
function schemaValue(schema: Schema, pool: Pool, name = ''): fc.Arbitrary<unknown> {
  const made = madeFor(schema, pool, name)
  const known = pool[name]
  return known === undefined || known.length === 0
    ? made
    : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: made })
}

function madeFor(schema: Schema, pool: Pool, name: string): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => schemaValue(each, pool)))
  switch (schema.type) {
    case 'object':
      return objectOf(schema, pool, name)
    case 'array':
      return fc.array(schemaValue(schema.items ?? {}, pool, name.replace(/s$/, '')), {
        minLength: 1,
        maxLength: Math.min(schema.maxItems ?? 5, 5),
      })
    case 'string':
      return schema.pattern === undefined
        ? fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 40, 40) })
        : fc.stringMatching(new RegExp(schema.pattern))
    case 'integer': {
      const [min, max] = [
        schema.minimum ?? -5,
        Math.min(schema.maximum ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
      ]
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 100) }), fc.constantFrom(min, max))
    }
    case 'boolean':
      return fc.boolean()
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function objectOf(schema: Schema, pool: Pool, name: string): fc.Arbitrary<unknown> {
  if (schema.properties === undefined)
    return name === 'metadata' ? fc.dictionary(fc.string(), fc.jsonValue()) : fc.constant({})
  const fields = Object.entries(schema.properties)
  // Where one of several is wanted, both and none are rare: most requests are to come through.
  const choices = (schema.oneOf ?? []).flatMap(({ required }) => required)
  const record = fc.record(
    Object.fromEntries(fields.map(([key, each]) => [key, schemaValue(each, pool, key)])),
    { requiredKeys: [...(schema.required ?? [])] },
  )
  return choices.length < 2
    ? record
    : fc
        .record({
          value: record,
          choice: fc.constantFrom(...choices),
          made: fc.record(
            Object.fromEntries(
              choices.map((key) => [key, schemaValue(schema.properties?.[key] ?? {}, pool, key)]),
            ),
          ),
        })
        .map(({ value, choice, made }) => {
          const rest = Object.entries(value).filter(([key]) => !choices.includes(key))
          return Object.fromEntries([...rest, [choice, made[choice]]])
        })
}

/** What Node's own client can send. */
const SENDABLE = /^[\t -~\u0080-\u00ff]*$/

function oddHeaders(credentials: readonly Headers[]): fc.Arbitrary<Headers> {
  const known = credentials.flatMap((each) => Object.values(each))
  const header = (name: string, ...values: string[]) =>
    hostileText(fc.constantFrom(...values), 1_500)
      .filter((value) => SENDABLE.test(value))
      .map((value) => [name, value] as const)
  const any = fc.oneof(
    header('authorization', ...known, 'Basic YTpi', 'Bearer', 'Bearer  x'),
    header('cookie', ...known, 'access_token=', 'access_token=a; access_token=b'),
    header('lunasec-session-hash', ...known, '0'.repeat(40)),
    header('origin', 'http://localhost:3999', 'null', 'https://evil.example'),
    header('sec-fetch-site', 'same-origin', 'cross-site', 'none', 'same-site'),
    header(
      'content-type',
      'application/json',
      'application/json; charset=utf-16',
      'text/plain',
      'multipart/form-data',
    ),
    header('idempotency-key', 'a', '"8e03978e-40d5-43dd-bc93-6894a57f9324"', 'x'.repeat(300)),
    header('x-forwarded-for', '192.0.2.1', '::1, 192.0.2.1', 'unknown'),
    header('forwarded', 'for=192.0.2.43;proto=http', 'for="[::1]:1"'),
    header('accept', 'application/json', 'text/html', '*/*;q=0'),
    header('x-request-id', 'a', '../../etc'),
    header('x-http-method-override', 'DELETE'),
    header('if-none-match', '*', 'W/"a"'),
    header('range', 'bytes=0-1'),
  )
  return fc.array(any, { minLength: 1, maxLength: 3 }).map((pairs) => Object.fromEntries(pairs))
}

function oddMethod(method: string): fc.Arbitrary<string> {
  return fc.constantFrom(
    method,
    method,
    'GET',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'HEAD',
    'OPTIONS',
    'PROPFIND',
  )
}

function oddPath(path: string): fc.Arbitrary<string> {
  const query = hostileText(
    fc.constantFrom('a=1', 'app=acme&component=input', '__proto__[a]=1', 'tokenId=x'),
    500,
  )
  return fc
    .oneof(
      hostileText(
        fc.constantFrom(path, `${path}/`, `${path}//`, `/${path}`, `${path}%2f`, `${path}/../metrics`),
        500,
      ),
      query.map((text) => `${path}?${text}`),
    )
    .map((text) => `/${text.replace(/[^!-~]/g, '').replace(/^\/+/, '')}`)
}
