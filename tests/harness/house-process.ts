import type { SessionId, TokenId } from '@lunadefend/contract'
import {
  type Caller,
  type Commits,
  createAuditSealer,
  type Database,
  detokenize,
  type Needs,
  onceByKey,
  referStep,
  resealStep,
  revokeGrant,
  setGrant,
  tokenize,
  workOn,
} from '@lunadefend/core'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { APP, databaseFileIn, objectStoreAt, openRules, SID } from './house.ts'

/** How a process of its own opens a house that another one has made. */
export interface ProcessOptions {
  readonly directory: string
  readonly rootKeys: readonly string[]
  readonly objectsUrl: string
  /** `null` = the SQLite file of the house. */
  readonly postgresUrl: string | null
  /** So much is its clock ahead: then leases of processes that died are over. @default 0 */
  readonly aheadMs?: number
}

/** At which call of a commit the process kills itself with SIGKILL. */
export interface Death {
  readonly commit: keyof Commits
  readonly when: 'before' | 'after'
  readonly nth: number
}

/** What gives something. */
export type Act = 'read' | 'make' | 'grant'

export type Order =
  /** For each token so many clients at once; answers how many of them were let through. */
  | { readonly kind: 'race'; readonly token: TokenId; readonly clients: number }
  /** So many clients do this under this request id, each until it is refused; answers how often they were let through. */
  | {
      readonly kind: 'stampede'
      readonly act: Act
      readonly token: TokenId
      readonly clients: number
      /** So often at the most, whom nothing stops. */
      readonly most: number
      readonly requestId: string
    }
  /** One client for each of the tokens, all at once: each makes a token in this session, or grants it this one. Answers as above. */
  | {
      readonly kind: 'crowd'
      readonly tokens: readonly TokenId[]
      readonly sid: SessionId
      /** So many grants a session may have. */
      readonly room: number
    }
  /** One read; answers the key that the object store is sent, `null` = refused. */
  | { readonly kind: 'read'; readonly token: TokenId }
  | { readonly kind: 'revoke'; readonly token: TokenId }
  /** Makes tokens until it fails; answers those that were acknowledged, and the code of the failure. */
  | { readonly kind: 'fill' }
  /** Does a background work to its end; answers how many items were done. */
  | { readonly kind: 'work'; readonly work: 'reseal' | 'refer'; readonly death: Death | null }
  | { readonly kind: 'refresh' }
  /** Sets a grant under an idempotency key; answers what it came to, or the code of the refusal. */
  | {
      readonly kind: 'grant'
      readonly token: TokenId
      readonly idempotencyKey: string
      readonly death: Death | null
    }
  /** Seals the audit log until nothing is left, whoever else does; answers the checkpoints that it saw meanwhile. */
  | { readonly kind: 'seal'; readonly origin: string; readonly death: Death | null }

const PLAIN = { contentLength: null, acceptsEndToEnd: false, acceptsParts: false, ttlSeconds: null }
const STEPS = { reseal: resealStep, refer: referStep } as const
const caller = {
  actor: { kind: 'application', app: APP, sid: SID as SessionId },
  requestId: 'a-request',
  network: null,
} as const

const options = JSON.parse(process.argv[2] ?? '') as ProcessOptions
const clock = { now: () => Date.now() + (options.aheadMs ?? 0) }
const rules = await openRules({
  directory: options.directory,
  rootKeys: options.rootKeys,
  objectStore: objectStoreAt(options.objectsUrl, clock),
  openDatabase,
  clock,
})

async function openDatabase(): Promise<Database> {
  if (options.postgresUrl === null) return openSqlite(databaseFileIn(options.directory))
  const { openPostgres } = await import('@lunadefend/stores/postgres')
  return openPostgres({ url: options.postgresUrl })
}

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'race': {
      const tries = Array.from({ length: order.clients }, () => keyOf(order.token))
      return (await Promise.all(tries)).filter((key) => key !== null).length
    }
    case 'stampede':
      return stampede(order)
    case 'crowd':
      return crowd(order)
    case 'read':
      return keyOf(order.token)
    case 'revoke':
      return revokeGrant(rules.needs, caller, { sid: SID, tokens: [order.token] })
    case 'fill':
      return fill(rules.needs)
    case 'work':
      return finish(mortal(rules.needs, order.death), order.work)
    case 'refresh':
      return rules.refresh()
    case 'grant':
      return grantOnce(mortal(rules.needs, order.death), order.token, order.idempotencyKey)
    case 'seal':
      return sealAll(mortal(rules.needs, order.death), order.origin)
  }
}

async function keyOf(token: TokenId, by: Caller = caller): Promise<string | null> {
  const [result] = await detokenize(rules.needs, by, {
    tokens: [token],
    acceptsEndToEnd: false,
    acceptsMask: false,
    full: false,
  })
  if (!result?.ok) return null
  return result.data.source.headers['x-amz-server-side-encryption-customer-key'] ?? null
}

async function stampede({ act, token, clients, most, requestId }: Extract<Order, { kind: 'stampede' }>) {
  const by = { ...caller, requestId }
  const acts = {
    read: async () => (await keyOf(token, by)) !== null,
    make: () => make(rules.needs, by),
    grant: () => grant(rules.needs, token, SID, by),
  }
  let through = 0
  const client = async () => {
    for (let times = 0; times < most && (await acts[act]()); times += 1) through += 1
  }
  await Promise.all(Array.from({ length: clients }, client))
  return through
}

function crowd({ tokens, sid, room }: Extract<Order, { kind: 'crowd' }>): Promise<number> {
  const needs = { ...rules.needs, grants: { ...rules.needs.grants, perSession: room } }
  const by = { ...caller, actor: { ...caller.actor, sid } }
  return letThrough(
    tokens.map((token, at) => (at % 2 === 0 ? make(needs, by) : grant(needs, token, sid, by))),
  )
}

async function letThrough(tries: readonly Promise<boolean>[]): Promise<number> {
  return (await Promise.all(tries)).filter((isThrough) => isThrough).length
}

/** Whether a token was made. */
function make(needs: Needs, by: Caller): Promise<boolean> {
  return refusable(tokenize(needs, by, { ...PLAIN, metadata: null }))
}

function grant(needs: Needs, token: TokenId, sid: SessionId, by: Caller): Promise<boolean> {
  const terms = { access: 'read', ttlSeconds: 3600, maxUses: null, purpose: null } as const
  return refusable(setGrant(needs, by, { sid, tokens: [token], ...terms }))
}

/** Fails with what is no refusal. */
async function refusable(attempt: Promise<unknown>): Promise<boolean> {
  try {
    return (await attempt) !== null
  } catch (error) {
    if (['access_denied', 'too_many_grants'].includes((error as { code?: string }).code ?? '')) return false
    throw error
  }
}

async function grantOnce(needs: Needs, token: TokenId, idempotencyKey: string): Promise<unknown> {
  const call = { idempotencyKey, request: token, app: APP, sid: SID, tokens: [token], stoppable: true }
  const terms = { access: 'read', ttlSeconds: 3600, maxUses: null, purpose: null } as const
  const work = (by: Caller) => setGrant(needs, by, { sid: SID, tokens: [token], ...terms })
  const done = onceByKey<Caller['actor']>(needs, caller, call, work)
  return done.catch((error: { code?: string }) => error.code ?? String(error))
}

async function fill(needs: Needs) {
  const made: TokenId[] = []
  const metadata = { filler: 'x'.repeat(2000) }
  for (;;) {
    try {
      made.push((await tokenize(needs, caller, { ...PLAIN, metadata })).tokenId)
    } catch (error) {
      return { made, code: (error as { code?: string }).code ?? String(error) }
    }
  }
}

async function sealAll(needs: Needs, origin: string): Promise<string[]> {
  const seen: string[] = []
  for (let round = 0; round < 4; round += 1) {
    await createAuditSealer(needs, origin).finish()
    const checkpoint = await needs.database.read((reader) => reader.findCheckpoint())
    if (checkpoint !== null) seen.push(checkpoint.note)
  }
  return seen
}

async function finish(needs: Needs, work: 'reseal' | 'refer'): Promise<number> {
  for (;;) {
    const state = await workOn(needs, work, 1000, (cursor) => STEPS[work](needs, 'a-work', cursor))
    if (state?.cursor === null) return state.done
    // The lease of a process that was killed.
    if (state === null) await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The same needs, in a process that dies at the n-th of these commits. */
function mortal(needs: Needs, death: Death | null): Needs {
  if (death === null) return needs
  let calls = 0
  const die = async (): Promise<never> => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise<never>(() => {})
  }
  const mortalCommits = (commits: Commits) =>
    new Proxy(commits, {
      get(target, name: keyof Commits) {
        const call = target[name] as (...args: unknown[]) => Promise<unknown>
        if (name !== death.commit) return call
        return async (...args: unknown[]) => {
          calls += 1
          if (calls === death.nth && death.when === 'before') await die()
          const answer = await call.apply(target, args)
          if (calls === death.nth) await die()
          return answer
        }
      },
    })
  const database = {
    ...needs.database,
    read: needs.database.read.bind(needs.database),
    commit: mortalCommits(needs.database.commit),
    settling: (settlement) => mortalCommits(needs.database.settling(settlement)),
  } as Database
  return { ...needs, database, keys: needs.keys }
}

process.on('message', ({ id, order }: { id: number; order: Order }) => {
  obey(order).then(
    (answer) => process.send?.({ id, answer }),
    (error: Error) => process.send?.({ id, error: `${error.name}: ${error.message}` }),
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
