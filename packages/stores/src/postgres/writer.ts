import { randomBytes } from 'node:crypto'
import { PortFailure } from '@lunadefend/core'
import { Client, type ClientConfig, type QueryResult } from 'pg'
import { type Command, stepsOfLocks } from './command.ts'
import { asPortFailure, spoilsConnection, troubleOf } from './postgres-failure.ts'
import { checkServer } from './server-check.ts'
import { type Answer, queryOf, type Step } from './statement.ts'

/** What became of a transaction. */
export type Verdict =
  /** On the disk; each command's answers. */
  | { readonly kind: 'committed'; readonly answers: readonly (readonly Answer[])[] }
  /** Nothing happened, because this one cannot be carried out. */
  | { readonly kind: 'refused'; readonly at: number; readonly failure: Error }
  /** Nothing happened, because of what others did at the same time. */
  | { readonly kind: 'passing'; readonly failure: PortFailure }
  /** Nothing was even sent. */
  | { readonly kind: 'unreachable'; readonly failure: PortFailure }
  /** Nothing happened, and nothing would; or nobody knows what happened. */
  | { readonly kind: 'given-up'; readonly failure: PortFailure }

/**
 * The one connection that writes. It has a name of its own, never used before, under which it numbers its rows of audit;
 * a connection that is lost is replaced by one of another name, which cannot continue its numbers.
 */
export interface Writer {
  /** The commands in one transaction, which goes out whole, in one flight: one round trip. Never rejects. */
  transact(commands: readonly Command<unknown>[]): Promise<Verdict>
  close(): Promise<void>
}

interface Connection {
  readonly client: Client
  readonly name: string
  lost: boolean
}

// Said in every transaction, whatever the defaults of role or database are: `decide` counts on it.
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE'

/** Connects at once. @throws {PortFailure} when that fails */
export async function openWriter(config: ClientConfig): Promise<Writer> {
  let connection = await connect(config)
  return {
    async transact(commands) {
      try {
        if (connection.lost) connection = await connect(config)
      } catch (error) {
        return unsent(asPortFailure(error))
      }
      return fly(connection, commands)
    },
    async close() {
      connection.lost = true
      await connection.client.end()
    },
  }
}

async function connect(config: ClientConfig): Promise<Connection> {
  const connection = { client: new Client(config), name: randomBytes(8).toString('hex'), lost: false }
  const lose = () => {
    connection.lost = true
  }
  connection.client.on('error', lose).on('end', lose)
  try {
    await connection.client.connect()
    await checkServer(connection.client)
    return connection
  } catch (error) {
    void connection.client.end()
    throw asPortFailure(error)
  }
}

function unsent(failure: PortFailure): Verdict {
  const hopeful = failure.code === 'database_unreachable' || failure.code === 'database_busy'
  return { kind: hopeful ? 'unreachable' : 'given-up', failure }
}

async function fly(connection: Connection, commands: readonly Command<unknown>[]): Promise<Verdict> {
  const { client, name } = connection
  const planned = eachOf(commands, (command) => command.steps(name))
  if ('kind' in planned) return planned
  const begun = client.query(BEGIN)
  const locks = stepsOfLocks(commands.map((command) => command.locks)).map((step) => send(client, null, step))
  const steps = planned.flatMap((own, owner) => own.map((step) => send(client, owner, step)))
  const sent = [{ owner: null, result: begun }, ...locks, ...steps]
  if (commands.some(({ conclude }) => conclude)) {
    const concluded = await conclude(connection, commands, sent)
    if ('kind' in concluded) {
      await client.query('ROLLBACK').catch(() => lose(connection))
      return concluded
    }
    sent.push(...concluded)
  }
  sent.push({ owner: null, result: client.query('COMMIT') })
  const settled = await Promise.allSettled(sent.map(({ result }) => result))
  if (settled.some((each) => each.status === 'rejected' && spoilsConnection(each.reason))) lose(connection)
  const owners = sent.map(({ owner }) => owner)
  return verdictOf(settled, owners, commands.length)
}

/** The steps of each command; one that cannot say its steps was called wrongly, or is not to be carried out. */
function eachOf(
  commands: readonly Command<unknown>[],
  stepsOf: (command: Command<unknown>, owner: number) => readonly Step[],
): (readonly Step[])[] | Verdict {
  const planned: (readonly Step[])[] = []
  for (const [at, command] of commands.entries()) {
    try {
      planned.push(stepsOf(command, at))
    } catch (error) {
      return { kind: 'refused', at, failure: error as Error }
    }
  }
  return planned
}

/** A step that is under way. `owner` is the place of its command; `null` = it belongs to the transaction. */
interface Sent {
  readonly owner: number | null
  readonly result: Promise<QueryResult>
}

function send(client: Client, owner: number | null, step: Step): Sent {
  return { owner, result: client.query(queryOf(step)) }
}

/** Waits for the answers, and sends what needs them; nothing when one of them is an error, or a command wants no more. */
async function conclude(
  { client, name }: Connection,
  commands: readonly Command<unknown>[],
  sent: readonly Sent[],
): Promise<Sent[] | Verdict> {
  const settled = await Promise.allSettled(sent.map(({ result }) => result))
  if (settled.some(({ status }) => status === 'rejected')) return []
  const answers = answersOf(
    settled,
    sent.map(({ owner }) => owner),
    commands.length,
  )
  const planned = eachOf(commands, (command, owner) => command.conclude?.(name, answers[owner] ?? []) ?? [])
  if ('kind' in planned) return planned
  return planned.flatMap((steps, owner) => steps.map((step) => send(client, owner, step)))
}

function lose(connection: Connection): void {
  connection.lost = true
  void connection.client.end()
}

type Settled = readonly PromiseSettledResult<QueryResult>[]

/** COMMIT is the last. */
function verdictOf(settled: Settled, owners: readonly (number | null)[], commands: number): Verdict {
  const at = settled.findIndex(({ status }) => status === 'rejected')
  const commit = settled.at(-1)
  if (at === -1 && commit?.status === 'fulfilled') {
    // After a statement that failed, COMMIT succeeds and says that it was none.
    if (commit.value.command !== 'COMMIT') return passing(new PortFailure('database_busy'))
    return { kind: 'committed', answers: answersOf(settled, owners, commands) }
  }
  const error = (settled[at] as PromiseRejectedResult | undefined)?.reason
  if (at === settled.length - 1) return isRolledBack(error) ? passing(asPortFailure(error)) : uncertain()
  return explain(error, owners[at] ?? null)
}

/** Why it was not committed: the server refused a statement, so that COMMIT could do nothing. */
function explain(error: unknown, owner: number | null): Verdict {
  const failure = asPortFailure(error)
  switch (troubleOf(error)) {
    case 'passing':
      return passing(failure)
    case 'refused':
      return owner === null ? { kind: 'given-up', failure } : { kind: 'refused', at: owner, failure }
    case 'failed':
      return { kind: 'given-up', failure }
    case 'lost':
      return uncertain()
  }
}

/** Of what can go wrong with COMMIT itself, only this class says that nothing was done. */
function isRolledBack(error: unknown): boolean {
  return troubleOf(error) === 'passing' && (error as { code: string }).code.startsWith('40')
}

function passing(failure: PortFailure): Verdict {
  return { kind: 'passing', failure }
}

function uncertain(): Verdict {
  return { kind: 'given-up', failure: new PortFailure('database_uncertain') }
}

function answersOf(settled: Settled, owners: readonly (number | null)[], commands: number): Answer[][] {
  const answers: Answer[][] = Array.from({ length: commands }, () => [])
  for (const [index, owner] of owners.entries()) {
    const result = settled[index]
    if (owner === null || result?.status !== 'fulfilled') continue
    answers[owner]?.push({ rows: result.value.rows, count: result.value.rowCount ?? 0 })
  }
  return answers
}
