import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { LIMIT_TABLE } from '@lunadefend/core'
import { startObjectStore } from '@lunadefend/object-store'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { freePort } from '@lunadefend/testing'
import { startTokenizer, type TokenizerConfig } from '@lunadefend/tokenizer'
import { asApplication, asOperator, type SigningKey, shakeHands } from '../harness/handshake.ts'
import { CREDENTIALS } from '../harness/house.ts'
import { madeUpPolicies } from '../harness/policies.ts'
import { download, upload } from '../harness/store.ts'
import { newSigningKey } from '../harness/tokenizers.ts'
import { type Answer as Told, Wire } from '../harness/wire.ts'
import { BEGINNING } from './core-product.ts'
import type { Act, Answer, By, PolicyAction, Switcher, Target } from './oracle.ts'
import { type Product, type Round, type StoppedClock, stoppedClock } from './product.ts'

const APPS = ['acme', 'other'] as const
const ORIGIN = 'http://localhost:3999'
const OPERATOR = 'ops'
const PLENTY = { burst: 1_000_000, perSecond: 100_000 }

interface Place {
  readonly clock: StoppedClock
  readonly wires: readonly Wire[]
  readonly keys: Readonly<Record<string, SigningKey>>
  readonly denied: Set<PolicyAction>
}

/** Two Tokenizers behind one URL, over one SQLite file and the embedded object store, asked over HTTP. */
export async function openHttp(directory: string): Promise<Product> {
  await using stack = new AsyncDisposableStack()
  const clock = stoppedClock(BEGINNING)
  const denied = new Set<PolicyAction>()
  const authorizers = madeUpPolicies(({ action }) => {
    return { kind: denied.has(action) ? 'deny' : 'allow', policy: 'model' }
  })
  const store = { bucket: 'values', region: 'us-east-1', credentials: CREDENTIALS } as const
  const objects = await startObjectStore({
    ...store,
    directory: join(directory, 'objects'),
    port: 0,
    corsOrigins: [],
    masterKey: randomBytes(32),
    now: () => new Date(clock.now()),
  })
  stack.defer(() => objects.close())
  const keys = Object.fromEntries(
    await Promise.all([...APPS, OPERATOR].map(async (name) => [name, await newSigningKey(name)] as const)),
  )
  const publicKeys = (name: string) => ({ keys: [publicPart(keys[name] as SigningKey)] })
  await createFileRootKey(join(directory, 'root-key'))
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const config = (at: number): TokenizerConfig => ({
    publicUrl,
    listen: { host: '127.0.0.1', port: at },
    rootKeys: [{ provider: 'file', path: join(directory, 'root-key') }],
    database: { engine: 'sqlite', file: join(directory, 'database.sqlite') },
    objectStore: {
      ...store,
      endpoint: `http://127.0.0.1:${objects.port}`,
      addressing: 'path',
      probe: 'off',
    },
    apps: APPS.map((id) => ({ id, origins: [ORIGIN], jwks: publicKeys(id), cookies: 'strict' })),
    operators: [{ id: OPERATOR, jwks: publicKeys(OPERATOR) }],
    limits: { rates: plenty() },
    logLevel: 'silent',
  })
  const wires: Wire[] = []
  for (const at of [port, 0]) {
    const tokenizer = stack.use(await startTokenizer(config(at), { clock, authorizers }))
    wires.push(await Wire.open(publicUrl, `http://localhost:${tokenizer.port}`))
  }
  const place = { clock, wires, keys, denied }
  const open = stack.move()
  let rounds = 0
  return {
    clock,
    mostGrants: 10_000,
    async fresh() {
      // The clock goes on: limits do not take it when it goes back.
      denied.clear()
      const round = new HttpRound(place, rounds++)
      await round.liftAll()
      return round
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

function plenty(): NonNullable<NonNullable<TokenizerConfig['limits']>['rates']> {
  const rows = Object.entries(LIMIT_TABLE).map(([action, cells]) => [
    action,
    Object.fromEntries(Object.keys(cells).map((scope) => [scope, PLENTY])),
  ])
  return Object.fromEntries(rows)
}

type PublicKey = NonNullable<TokenizerConfig['apps'][number]['jwks']>['keys'][number]

function publicPart({ d: _, ...rest }: SigningKey): PublicKey {
  return rest as unknown as PublicKey
}

type Headers = Readonly<Record<string, string>>

class HttpRound implements Round {
  readonly #place: Place
  readonly #round: number
  readonly #tokens = new Map<number, string>()
  readonly #logins = new Map<number, Headers>()

  constructor(place: Place, round: number) {
    this.#place = place
    this.#round = round
  }

  async liftAll(): Promise<void> {
    const [wire] = this.#place.wires as [Wire]
    const headers = await this.#switcher('operator')
    const { body } = await wire.call('/block/list', { headers, body: {} })
    for (const { blockId } of body.data.blocks) await wire.call('/block/lift', { headers, body: { blockId } })
  }

  async carryOut(act: Act, node: number): Promise<Answer> {
    const wire = this.#place.wires[node] as Wire
    const call = async (path: string, headers: Headers, body: object) => wire.call(path, { headers, body })
    switch (act.do) {
      case 'login':
        return this.#logIn(wire, act)
      case 'logout':
        return wordOf(await wire.call('/session', { method: 'DELETE', headers: await this.#by(act) }))
      case 'tokenize':
        return this.#tokenize(wire, act)
      case 'grant': {
        const { ttl, access, maxUses } = act
        const terms = { ttl, access, ...(maxUses === null ? {} : { maxUses }) }
        const body = { sessionId: this.#sid(act.sid), tokenIds: this.#names(act.tokens), ...terms }
        return wordOf(await call('/grant/set', await this.#application(act.app), body))
      }
      case 'read': {
        const answer = await call('/detokenize', await this.#by(act.by), {
          tokenIds: this.#names(act.tokens),
        })
        return answer.status === 200 ? Promise.all(answer.body.data.results.map(readOf)) : wordOf(answer)
      }
      case 'metadata': {
        const body = { tokenId: this.#name(act.token) }
        const word = wordOf(await call('/metadata/get', await this.#by(act.by), body))
        return word === 'ok' || word === 'no' ? [word] : word
      }
      case 'verify': {
        const { access, consume, record } = act
        const terms = { access, consume, ...(record === null ? {} : { record }) }
        const body = { sessionId: this.#sid(act.sid), tokenIds: this.#names(act.tokens), ...terms }
        const answer = await call('/grant/verify', await this.#application(act.app), body)
        if (answer.status !== 200) return wordOf(answer)
        const results: { data: { valid: boolean } }[] = answer.body.data.results
        return results.map(({ data }) => (data.valid ? 'ok' : 'no'))
      }
      case 'end':
        return wordOf(
          await call('/session/revoke', await this.#application(act.app), { sessionId: this.#sid(act.sid) }),
        )
      case 'delete': {
        const body = { tokenId: this.#name(act.token), app: APPS[act.app] }
        return wordOf(await call('/token/delete', await this.#switcher(act.by), body))
      }
      case 'block': {
        const { effect, seconds } = act
        const terms = { effect, ...(seconds === null ? {} : { ttl: seconds }) }
        return wordOf(
          await call('/block/set', await this.#switcher(act.by), { ...this.#target(act.target), ...terms }),
        )
      }
      case 'lift':
        return wordOf(await call('/block/lift', await this.#switcher(act.by), this.#target(act.target)))
      case 'deny':
        this.#place.denied.clear()
        for (const action of act.actions) this.#place.denied.add(action)
        return 'ok'
      case 'revoke': {
        const sid = act.sid === null ? {} : { sessionId: this.#sid(act.sid) }
        const token = act.token === null ? {} : { tokenId: this.#name(act.token) }
        const all = act.sid === null && act.token === null ? { all: true } : {}
        return wordOf(
          await call('/grant/revoke', await this.#application(act.app), { ...sid, ...token, ...all }),
        )
      }
      case 'list':
      case 'tidy':
      case 'rotate':
      case 'reseal':
        throw new Error(`${act.do} is no call.`)
    }
  }

  async #logIn(wire: Wire, act: Extract<Act, { do: 'login' }>): Promise<Answer> {
    const now = Math.floor(this.#place.clock.now() / 1000)
    const app = APPS[act.app] as string
    const who = { app, origin: ORIGIN, signingKey: this.#key(app), sid: this.#sid(act.sid) }
    const iat = now - act.secondsAgo
    const authTime = act.loggedIn === null ? {} : { auth_time: now - act.loggedIn }
    const answer = await shakeHands(wire, who, {
      assertionClaims: { iat, exp: iat + 60, ...authTime },
      proofClaims: { iat: now },
    })
    if (answer.status !== 200) return wordOf(answer)
    const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
    const { sessionHash } = answer.body.data
    this.#logins.set(act.name, {
      cookie,
      'sec-fetch-site': 'same-origin',
      'lunasec-session-hash': sessionHash,
    })
    return 'ok'
  }

  async #tokenize(wire: Wire, act: Extract<Act, { do: 'tokenize' }>): Promise<Answer> {
    const value = `value ${act.name}`
    const ttl = act.ttl === null ? {} : { ttl: act.ttl }
    const body = { contentLength: value.length, metadata: { name: act.name }, ...ttl }
    const answer = await wire.call('/tokenize', { headers: await this.#by(act.by), body })
    if (answer.status !== 200) return wordOf(answer)
    this.#tokens.set(act.name, answer.body.data.tokenId)
    if (act.stored && !(await upload(answer.body.data, value)).ok) throw new Error('The upload was refused.')
    return 'ok'
  }

  async #by(by: By): Promise<Headers> {
    if ('login' in by) return this.#logins.get(by.login) ?? {}
    return this.#application(by.app, { sid: this.#sid(by.sid) })
  }

  #application(app: number, claims: object = {}): Promise<Headers> {
    const name = APPS[app] as string
    return asApplication(this.#wire, name, this.#key(name), { ...this.#times(), ...claims })
  }

  #switcher(by: Switcher): Promise<Headers> {
    if (by !== 'operator') return this.#application(by.app)
    return asOperator(this.#wire, OPERATOR, this.#key(OPERATOR), this.#times())
  }

  get #wire(): Wire {
    return this.#place.wires[0] as Wire
  }

  #key(name: string): SigningKey {
    return this.#place.keys[name] as SigningKey
  }

  #times() {
    const iat = Math.floor(this.#place.clock.now() / 1000)
    return { iat, exp: iat + 60 }
  }

  #target({ scope, app, sid, token }: Target) {
    return {
      scope,
      ...(scope === 'everything' ? {} : { app: APPS[app] }),
      ...(scope === 'session' ? { sessionId: this.#sid(sid) } : {}),
      ...(scope === 'token' ? { tokenId: this.#name(token) } : {}),
    }
  }

  #sid(sid: number): string {
    return `round ${this.#round}, session ${sid}`
  }

  #names(tokens: readonly number[]): string[] {
    return tokens.map((token) => this.#name(token))
  }

  #name(token: number): string {
    const known = this.#tokens.get(token) ?? `lunasec-${randomUUID()}`
    this.#tokens.set(token, known)
    return known
  }
}

const WORDS: Readonly<Record<string, Answer>> = {
  access_denied: 'no',
  unauthenticated: 'who',
  step_up_required: 'again',
  too_many_grants: 'full',
}

function wordOf({ status, body }: Told): Answer {
  if (status === 200) return 'ok'
  const word = WORDS[body.error.code]
  if (word === undefined) throw new Error(`${status} ${body.error.code}`)
  return word
}

async function readOf(item: Told['body']): Promise<string> {
  if (!item.success) return item.error.code === 'access_denied' ? 'no' : item.error.code
  const answer = await download(item.data)
  return answer.status === 404 ? 'nothing yet' : answer.text()
}
