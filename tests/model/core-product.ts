import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { type AppId, LunaDefendError, type SessionId, type TokenId } from '@lunadefend/contract'
import {
  type AppActor,
  type Authorizers,
  type BlockTarget,
  type Caller,
  closeSession,
  type Database,
  deleteToken,
  detokenize,
  expireStep,
  findUser,
  issueChallenge,
  liftBlocks,
  listGrants,
  type Needs,
  type Operator,
  openSession,
  type Presigned,
  readMetadata,
  resealStep,
  revokeGrant,
  revokeSession,
  rotateRingKey,
  type Switcher as Switches,
  setBlock,
  setGrant,
  tokenize,
  type User,
  verifyGrant,
} from '@lunadefend/core'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { openRules } from '../harness/house.ts'
import { type MemoryObjects, memoryObjects } from './memory-objects.ts'
import type { Act, Answer, By, PolicyAction, Switcher, Target } from './oracle.ts'
import { type Product, type Round, type StoppedClock, stoppedClock } from './product.ts'

export interface CoreOptions {
  /** A folder that the test removes. */
  readonly directory: string
  /** A fresh database, to be opened twice. `folder` is its own. */
  readonly freshDatabase: (folder: string) => Promise<() => Promise<Database> | Database>
  /** @default 5 */
  readonly mostGrants?: number
  /** Stands between the rules and the database. @default nothing does */
  readonly between?: (database: Database) => Database
}

/** 2100-01-01, and some milliseconds, so that no boundary falls on a whole second by itself. */
export const BEGINNING = 4_102_444_800_123
const PLENTY = 1_000_000
/** Rounds in one database: it grows. */
const ROUNDS = 250

/** The rules, without HTTP: two nodes, each with a connection of its own to one database. */
export async function openCore(options: CoreOptions): Promise<Product> {
  const { mostGrants = 5 } = options
  const clock = stoppedClock(BEGINNING)
  const denied = new Set<PolicyAction>()
  let nodes: Nodes | null = null
  let rounds = 0
  return {
    clock,
    mostGrants,
    async fresh() {
      clock.set(BEGINNING)
      denied.clear()
      // A round must go the same way again, whatever was played before: so it does not find the keys of another one.
      if (nodes === null || nodes.rotated || rounds % ROUNDS === 0) {
        await nodes?.close()
        nodes = await openNodes({ mostGrants, ...options }, clock, denied)
      }
      const everything = { scope: 'everything', token: null, sid: null, app: null } as const
      await liftBlocks(nodes.needsOf(0), callerOf(OPERATOR), everything)
      return new CoreRound(nodes, denied, rounds++)
    },
    [Symbol.asyncDispose]: async () => nodes?.close(),
  }
}

/** Two nodes over one database and one object store. */
interface Nodes {
  needsOf(node: number): Needs
  /** New versions of the keys that find things, which every node knows at once. */
  rotate(): Promise<void>
  readonly rotated: boolean
  readonly objectStore: MemoryObjects
  close(): Promise<void>
}

async function openNodes(
  options: CoreOptions & { readonly mostGrants: number },
  clock: StoppedClock,
  denied: ReadonlySet<PolicyAction>,
): Promise<Nodes> {
  const { mostGrants, between = (database) => database } = options
  const directory = mkdtempSync(join(options.directory, 'nodes-'))
  for (const name of ROOT_KEYS) await createFileRootKey(`${directory}/${name}.root-key`)
  const openDatabase = await options.freshDatabase(directory)
  const objectStore = memoryObjects()
  const rules = { directory, objectStore, clock, authorizers: authorizersOf(denied), openDatabase }
  const open = async (rootKeys: readonly string[]) => {
    const opened = await openRules({ ...rules, rootKeys })
    return { opened, database: between(opened.needs.database) }
  }
  // The one that starts last seals the key ring, and then the records of the other one.
  const other = await open(ROOT_KEYS.toReversed())
  const nodes = [await open(ROOT_KEYS), other] as const
  let rotated = false
  const needsOf = (index: number): Needs => {
    const { opened, database } = index === 0 ? nodes[0] : nodes[1]
    const grants = { ...opened.needs.grants, perSession: mostGrants }
    return { ...opened.needs, database, grants }
  }
  return {
    needsOf,
    async rotate() {
      rotated = true
      for (const key of ['grant', 'session', 'locator'] as const)
        await rotateRingKey(needsOf(0), 'model', key)
      for (const { opened } of nodes) await opened.refresh()
    },
    get rotated() { return rotated }, // biome-ignore format: one line shows that it is live
    objectStore,
    async close() {
      for (const { opened } of nodes) await opened.needs.database[Symbol.asyncDispose]()
    },
  }
}

const ROOT_KEYS = ['first', 'second']

function authorizersOf(denied: ReadonlySet<PolicyAction>): Authorizers {
  return {
    readsMetadata: false,
    decide: async (questions) =>
      questions.map(({ action }) => ({ kind: denied.has(action) ? 'deny' : 'allow', policy: 'model' })),
  }
}

const OPERATOR = { kind: 'operator', id: 'ops' as Operator['id'] } as const

function callerOf<A extends AppActor | Operator>(actor: A): Caller<A> {
  return { actor, requestId: 'model', network: null }
}

class CoreRound implements Round {
  readonly #nodes: Nodes
  readonly #denied: Set<PolicyAction>
  readonly #round: number
  readonly #tokens = new Map<number, TokenId>()
  readonly #logins = new Map<number, string>()

  constructor(nodes: Nodes, denied: Set<PolicyAction>, round: number) {
    this.#nodes = nodes
    this.#denied = denied
    this.#round = round
  }

  async carryOut(act: Act, node: number): Promise<Answer> {
    try {
      return await this.#do(act, this.#nodes.needsOf(node))
    } catch (error) {
      if (error instanceof LunaDefendError && error.code in TOLD) return TOLD[error.code as keyof typeof TOLD]
      throw error
    }
  }

  async #do(act: Act, needs: Needs): Promise<Answer> {
    switch (act.do) {
      case 'login':
        return this.#logIn(needs, act)
      case 'logout': {
        const user = await this.#user(needs, act.login)
        if (user === null) return 'who'
        await closeSession(needs, callerOf(user))
        return 'ok'
      }
      case 'tokenize':
        return this.#tokenize(needs, act)
      case 'grant': {
        const { sid, ttl, maxUses, access } = act
        const terms = { sid: sidOf(sid), tokens: this.#names(act.tokens), access, maxUses, purpose: null }
        const expiresAt = await setGrant(needs, this.#application(act.app), { ...terms, ttlSeconds: ttl })
        return expiresAt === null ? 'no' : 'ok'
      }
      case 'read':
        return this.#read(needs, act)
      case 'metadata': {
        const caller = await this.#caller(needs, act.by)
        if (caller === null) return 'who'
        return [(await readMetadata(needs, caller, this.#name(act.token))).ok ? 'ok' : 'no']
      }
      case 'verify': {
        const { access, consume, record, sid } = act
        const asked = { sid: sidOf(sid), tokens: this.#names(act.tokens), access, consume, record }
        const valid = await verifyGrant(needs, this.#application(act.app), asked)
        return valid.map((each) => (each ? 'ok' : 'no'))
      }
      case 'revoke': {
        const sid = act.sid === null ? null : sidOf(act.sid)
        const tokens = act.token === null ? null : [this.#name(act.token)]
        await revokeGrant(needs, this.#application(act.app), { sid, tokens })
        return 'ok'
      }
      case 'end':
        await revokeSession(needs, this.#application(act.app), sidOf(act.sid))
        return 'ok'
      case 'delete': {
        const caller = callerOf(this.#switcher(act.by))
        return wordOf(await deleteToken(needs, caller, this.#name(act.token), this.#app(act.app)))
      }
      case 'block': {
        const until = act.seconds === null ? null : needs.clock.now() + act.seconds * 1000
        const terms = { reason: 'other', effect: act.effect, until } as const
        return wordOf(await setBlock(needs, callerOf(this.#switcher(act.by)), this.#target(act), terms))
      }
      case 'lift':
        return wordOf(await liftBlocks(needs, callerOf(this.#switcher(act.by)), this.#target(act)))
      case 'list': {
        const sid = act.sid === null ? null : sidOf(act.sid)
        const token = act.token === null ? null : this.#name(act.token)
        const which = { sid, token, access: null, after: null, limit: PLENTY }
        return (await listGrants(needs, this.#application(act.app), which)).grants.length
      }
      case 'deny':
        this.#denied.clear()
        for (const action of act.actions) this.#denied.add(action)
        return 'ok'
      case 'tidy':
        await expireStep(needs, 'model')
        await needs.database.commit.removeExpired(needs.clock.now(), PLENTY)
        return 'ok'
      case 'rotate':
        await this.#nodes.rotate()
        return 'ok'
      case 'reseal':
        await resealStep(this.#nodes.needsOf(0), 'model', null)
        return 'ok'
    }
  }

  async #logIn(
    needs: Needs,
    { name, app, sid, secondsAgo, loggedIn }: Extract<Act, { do: 'login' }>,
  ): Promise<Answer> {
    const second = Math.floor(needs.clock.now() / 1000)
    const { challenge, expiresAt } = issueChallenge(needs, this.#app(app))
    const verified = {
      app: this.#app(app),
      sid: sidOf(sid),
      subject: `user ${sid}`,
      roles: [],
      issuedAt: second - secondsAgo,
      authenticatedAt: loggedIn === null ? null : second - loggedIn,
      // Two of the same moment are the same challenge otherwise.
      challenge: `${challenge}${randomBytes(8).toString('hex')}`,
      challengeExpiresAt: expiresAt,
    }
    const opened = await openSession(needs, verified, { requestId: 'model', network: null })
    if (opened === null) return 'who'
    this.#logins.set(name, opened.accessToken)
    return 'ok'
  }

  async #tokenize(
    needs: Needs,
    { name, by, ttl, stored }: Extract<Act, { do: 'tokenize' }>,
  ): Promise<Answer> {
    const caller = await this.#caller(needs, by)
    if (caller === null) return 'who'
    const { tokenId, upload } = await tokenize(needs, caller, {
      metadata: { name },
      contentLength: null,
      acceptsEndToEnd: false,
      acceptsParts: false,
      ttlSeconds: ttl,
    })
    this.#tokens.set(name, tokenId)
    if (stored) this.#nodes.objectStore.put(upload as Presigned, `value ${name}`)
    return 'ok'
  }

  async #read(needs: Needs, { by, tokens }: Extract<Act, { do: 'read' }>): Promise<Answer> {
    const caller = await this.#caller(needs, by)
    if (caller === null) return 'who'
    const command = { tokens: this.#names(tokens), acceptsEndToEnd: false, acceptsMask: false, full: false }
    const results = await detokenize(needs, caller, command)
    return results.map((result) => {
      if (!result.ok) return result.code === 'access_denied' ? 'no' : result.code
      return this.#nodes.objectStore.get(result.data.source) ?? 'nothing yet'
    })
  }

  async #caller(needs: Needs, by: By): Promise<Caller | null> {
    if (!('login' in by)) return this.#application(by.app, by.sid)
    const user = await this.#user(needs, by.login)
    return user && callerOf(user)
  }

  async #user(needs: Needs, login: number): Promise<User | null> {
    const accessToken = this.#logins.get(login)
    return accessToken === undefined ? null : findUser(needs, accessToken)
  }

  #application(app: number, sid?: number): Caller<Extract<AppActor, { kind: 'application' }>> {
    return callerOf({ kind: 'application', app: this.#app(app), sid: sid === undefined ? null : sidOf(sid) })
  }

  #switcher(by: Switcher): Switches {
    return by === 'operator' ? OPERATOR : this.#application(by.app).actor
  }

  #target({ target: { scope, app, sid, token } }: { target: Target }): BlockTarget {
    return {
      scope,
      app: scope === 'everything' ? null : this.#app(app),
      sid: scope === 'session' ? sidOf(sid) : null,
      token: scope === 'token' ? this.#name(token) : null,
    }
  }

  #app(app: number): AppId {
    return `app-${this.#round}-${app}` as AppId
  }

  #names(tokens: readonly number[]): TokenId[] {
    return tokens.map((token) => this.#name(token))
  }

  /** One that was never made has a name, too. */
  #name(token: number): TokenId {
    const known = this.#tokens.get(token) ?? (`lunasec-${randomUUID()}` as TokenId)
    this.#tokens.set(token, known)
    return known
  }
}

/** The same in both apps. */
const sidOf = (sid: number) => `session ${sid}` as SessionId
const wordOf = ({ ok }: { readonly ok: boolean }) => (ok ? 'ok' : 'no')

const TOLD = { access_denied: 'no', step_up_required: 'again', too_many_grants: 'full' } as const
