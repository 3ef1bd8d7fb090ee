import { AuditLogError } from './audit-log-error.ts'

/** One row of the audit log, as it is exported and as it is hashed. What the fields mean: docs/audit.md. */
export interface AuditLine {
  /** A random name of whoever wrote the row: 16 hexadecimal digits. */
  readonly writer: string
  /** Counts the rows of its writer from 1 without a gap, in the order of commits. */
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly requestId: string
  readonly app: string | null
  readonly actor: string
  readonly operator: string | null
  readonly action: string
  readonly epoch: number
  readonly session: string | null
  readonly user: string | null
  readonly token: string | null
  readonly network: string | null
  readonly generation: number | null
  readonly policy: string | null
  readonly count: number
  /** `null` = allowed. */
  readonly refusal: string | null
}

const isText = (value: unknown) => typeof value === 'string'
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
const orNull = (test: (value: unknown) => boolean) => (value: unknown) => value === null || test(value)

/** In the order of the line. A field that comes later is added at the end, under the next version. */
const FIELDS = {
  writer: (value) => typeof value === 'string' && /^[0-9a-f]{16}$/.test(value),
  seq: (value) => isCount(value) && value !== 0,
  at: isCount,
  requestId: isText,
  app: orNull(isText),
  actor: isText,
  operator: orNull(isText),
  action: isText,
  epoch: isCount,
  session: orNull(isText),
  user: orNull(isText),
  token: orNull(isText),
  network: orNull(isText),
  generation: orNull(isCount),
  policy: orNull(isText),
  count: isCount,
  refusal: orNull(isText),
} satisfies Record<keyof AuditLine, (value: unknown) => boolean>

const VERSION = 1
const NAMES = Object.keys(FIELDS) as (keyof AuditLine)[]
/** An entry is at most so long in the bundles of c2sp.org/tlog-tiles, in bytes. */
const MOST_BYTES = 65_535

/**
 * The one way to write a row: JSON without spaces, the version first, then every field in a fixed order, without the
 * newline. The bytes of this line, in UTF-8, are the entry of the log: its leaf is their hash.
 */
export function encodeLine(row: AuditLine): string {
  const line: Record<string, unknown> = { v: VERSION }
  for (const name of NAMES) line[name] = row[name]
  return JSON.stringify(line)
}

/** Reads a line that is written exactly as `encodeLine` writes it. @throws {AuditLogError} `line_malformed` */
export function decodeLine(text: string): AuditLine {
  if (Buffer.byteLength(text) > MOST_BYTES) throw new AuditLogError('line_malformed', 'It is too long.')
  const line = parse(text)
  const wrong = NAMES.find((name) => !FIELDS[name](line[name]))
  if (wrong !== undefined) throw new AuditLogError('line_malformed', `Look at the field ${wrong}.`)
  const row = line as unknown as AuditLine
  // Other spaces, another order, a field too many, another spelling of a letter: another line with another hash.
  if (line['v'] !== VERSION || encodeLine(row) !== text) throw new AuditLogError('line_malformed')
  const { v: _, ...fields } = line
  return fields as unknown as AuditLine
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below: what the parser says quotes the line.
  }
  throw new AuditLogError('line_malformed')
}
