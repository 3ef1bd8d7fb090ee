import fc from 'fast-check'
import { hostileJsonText, hostileText } from './hostile.ts'

/** A JSON schema, as far as the contract uses it. */
export interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
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

/** One call, or one view, of the contract. */
export interface Operation {
  readonly id: string
  readonly method: string
  /** As openapi.json has it: `{rest}` at its end is any rest. */
  readonly path: string
  /** What stands in the query; `null` = nothing is read there. */
  readonly query: Schema | null
  /** `null` = it takes none. */
  readonly body: Schema | null
}

/** Whether a request comes to this operation. */
export function reaches({ method, path }: Operation, asked: FuzzRequest): boolean {
  const [target = ''] = asked.path.split('?', 1)
  const [start = '', rest] = path.split(REST)
  return asked.method === method && (rest === undefined ? target === path : target.startsWith(start))
}

const REST = '{rest}'

/** Real values by the name of the field, whole bodies by the id of the call: random ones are refused before anything happens. */
export type Pool = Readonly<Record<string, readonly unknown[]>>

export interface FuzzRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

type Headers = Readonly<Record<string, string>>

/**
 * Requests for one operation: good ones, and ones with a body, a query, a header, a method, a path or a credential that is
 * bent, or is that of another operation. What takes no body gets one, too.
 */
export function requestsFor(
  operation: Operation,
  { pool, credentials, bodies }: Props,
): fc.Arbitrary<FuzzRequest> {
  const { method } = operation
  const own = operation.body === null ? null : schemaValue(operation.body, pool, operation.id)
  const others = fc.constantFrom(...bodies)
  const bodied =
    own === null ? others : fc.oneof({ weight: 7, arbitrary: own }, { weight: 1, arbitrary: others })
  const path = pathOf(operation, pool)
  const good = fc.record({
    method: fc.constant(method),
    path,
    headers: fc.constantFrom(...credentials).map((who) => (own === null ? who : { ...JSON_BODY, ...who })),
    body: own === null ? fc.constant(null) : own.map((value) => JSON.stringify(value)),
  })
  const bend = <T>(odd: fc.Arbitrary<T>, change: (request: FuzzRequest, odd: T) => Partial<FuzzRequest>) =>
    fc.record({ request: good, odd }).map(({ request, odd }) => ({ ...request, ...change(request, odd) }))
  return fc.oneof(
    { weight: 4, arbitrary: good },
    {
      weight: 4,
      arbitrary: bend(hostileJsonText(bodied, 20_000), ({ headers }, body) => ({
        body,
        headers: { ...JSON_BODY, ...headers },
      })),
    },
    {
      weight: 2,
      arbitrary: bend(oddHeaders(credentials), ({ headers }, odd) => ({ headers: { ...headers, ...odd } })),
    },
    { weight: 1, arbitrary: bend(oddQuery(path), (_, target) => ({ path: target })) },
    {
      weight: 1,
      arbitrary: bend(fc.tuple(oddMethod(method), oddPath(path)), (_, [odd, target]) => ({
        method: odd,
        path: target,
      })),
    },
  )
}

/** What requests are made of. */
export interface Props {
  readonly pool: Pool
  readonly credentials: readonly Headers[]
  /** What is good for one call or another: see `goodBodies`. */
  readonly bodies: readonly unknown[]
}

/** Some bodies for every call that takes one. To make what makes them takes half a second. */
export function goodBodies(operations: Iterable<Operation>, pool: Pool): unknown[] {
  return [...operations].flatMap(({ id, body }) =>
    body === null ? [] : fc.sample(schemaValue(body, pool, id), 20),
  )
}

const JSON_BODY: Headers = { 'content-type': 'application/json' }

/** The address as it should be. */
function pathOf({ id, path, query }: Operation, pool: Pool): fc.Arbitrary<string> {
  const [start = '', rest] = path.split(REST)
  const whole =
    rest === undefined ? fc.constant(path) : fc.constantFrom(...(pool[id] ?? [])).map((end) => start + end)
  if (query === null) return whole
  const fields = schemaValue(query, pool).map((value) => new URLSearchParams(value as Record<string, string>))
  return fc.tuple(whole, fields).map(([target, search]) => `${target}?${search}`)
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
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
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
    header('accept-encoding', 'br', 'gzip;q=0.5, br;q=0', 'identity;q=0, *;q=0', 'zstd'),
    header('content-encoding', 'gzip', 'br'),
    header('sec-fetch-dest', 'iframe', 'document'),
    header('expect', '100-continue'),
    header('host', 'localhost', 'evil.example:1', '[::1]'),
    header('upgrade', 'h2c', 'websocket'),
    header('x-no-compression', '1'),
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
    'TRACE',
    'QUERY',
  )
}

const sendable = (path: string) => `/${path.replace(/[^!-~]/g, '').replace(/^\/+/, '')}`

function oddQuery(path: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const query = hostileText(
    fc.constantFrom(
      ...[
        'a=1',
        'app=acme&component=input',
        '__proto__[a]=1',
        'tokenId=x',
        'app=acme&app=other&component=table',
      ],
      ...[
        'app[]=acme&component=input',
        'component=input',
        'app=acme&component=input&locale=de',
        '&&==&',
        'a',
      ],
    ),
    500,
  )
  return fc
    .tuple(path, query)
    .map(([target, text]) => sendable(`${target}${target.includes('?') ? '&' : '?'}${text}`))
}

function oddPath(path: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const ends = fc.constantFrom('', '/', '//', '%2f', '/../metrics', '/%2e%2e', ';a=1', '%00', '#')
  const whole = fc.tuple(fc.constantFrom('', '/'), path, ends).map((parts) => parts.join(''))
  return hostileText(whole, 500).map(sendable)
}
