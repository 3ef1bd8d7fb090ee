import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type AuthorizerEvent, type AuthorizerSettings, openAuthorizers } from '@lunadefend/authorizers'
import type { AppId } from '@lunadefend/contract'
import type { Question } from '@lunadefend/core'

/** A folder with these files, gone at the end. */
export async function folder(files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'policies-'))
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  for (const [name, text] of Object.entries(files)) await write(name, text)
  return {
    path,
    at: (name: string) => join(path, name),
    write,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** Authorizers, and everything that they reported. */
export async function open(settings: AuthorizerSettings) {
  const events: AuthorizerEvent[] = []
  // Patient: a machine that is busy with other tests takes long to start a thread.
  const patient = { timeoutMs: 500, patienceMs: 20_000, reloadMs: 50 }
  const authorizers = await openAuthorizers({ ...patient, ...settings }, (event) => events.push(event))
  return {
    authorizers,
    events,
    /** What is decided of one question. */
    ask: async (question: Question) => (await authorizers.decide([question]))[0],
    [Symbol.asyncDispose]: () => authorizers[Symbol.asyncDispose](),
  }
}

type Part<T> = { readonly [Key in keyof T]?: T[Key] }

/** 2026-03-02T10:30Z, a Monday. */
export const MONDAY = Date.UTC(2026, 2, 2, 10, 30)

/** A question of a user of the shop, in which something may be otherwise. */
export function question({
  action = 'detokenize',
  metadata = null,
  ...parts
}: {
  readonly action?: Question['action']
  readonly principal?: Part<Question['principal']>
  readonly token?: Part<Question['token']>
  readonly metadata?: Question['metadata']
  readonly context?: Part<Question['context']>
} = {}): Question {
  return {
    action,
    metadata,
    principal: {
      ...{ kind: 'user', app: 'shop' as AppId, subject: 'alice', roles: [], session: 'a1b2' },
      ...parts.principal,
    },
    token: { pseudonym: 'c3d4', createdAt: MONDAY - 86_400_000, ...parts.token },
    context: {
      ...{ now: MONDAY, network: '203.0.113.0/24', purpose: null, full: false, distinctTokens: 1 },
      ...parts.context,
    },
  }
}

/** A module of one authorizer: what the function does. */
export function moduleOf(body: string, before = ''): string {
  const door = new URL('../src/define.ts', import.meta.url).href
  return `import { allow, defineAuthorizer, deny, mask } from ${JSON.stringify(door)}
${before}
export default defineAuthorizer(async ({ actor, action, token, metadata, context }) => { ${body} })
void [allow, deny, mask]
`
}
