import type { OperatorBlock, OperatorBlockTarget } from '@lunadefend/node-sdk'
import { usageFailure } from './failure.ts'
import { confirm, readSecret } from './secret-input.ts'
import type { World } from './world.ts'

type Scope = OperatorBlock['scope']

/** What can be stopped, by the words for it. Who knows other systems of this kind says `seal`. */
const SCOPES = {
  everything: 'everything',
  seal: 'everything',
  app: 'app',
  session: 'session',
  token: 'token',
} as const satisfies Record<string, Scope>

export const TARGET = {
  app: { kind: 'text', value: '<id>', says: 'the app; must be said, but for everything' },
  yes: { kind: 'flag', says: 'everything is meant: asks no more' },
} as const

export interface Said {
  readonly app: string | null
  readonly yes: boolean
}

/** What is meant. A token or the id of a session is read from the standard input, not from the command line. */
export async function readTarget(
  what: string,
  { app, yes }: Said,
  world: World,
  warning: string,
): Promise<OperatorBlockTarget> {
  const scope = scopeOf(what)
  if (scope === 'everything') {
    if (app !== null) throw usageFailure('Everything is no app: say "app", or leave --app away.')
    if (!yes) await confirm(world, warning, 'everything')
    return 'everything'
  }
  if (app === null) throw usageFailure('Say which app: --app <id>.')
  switch (scope) {
    case 'app':
      return { app }
    case 'session':
      return { app, sid: await readSecret(world, 'id of the session') }
    case 'token':
      return { app, token: await readSecret(world, 'token') }
  }
}

function scopeOf(what: string): Scope {
  if (Object.hasOwn(SCOPES, what)) return SCOPES[what as keyof typeof SCOPES]
  throw usageFailure(
    'Say what: everything, app, session or token. The name of a session or a token is read from the standard input, not from here.',
  )
}

/** In words, without a name that is a secret. */
export function wordsFor(target: OperatorBlockTarget): string {
  if (target === 'everything') return 'Everything'
  if ('token' in target) return `The token of ${target.app}`
  return 'sid' in target ? `The session of ${target.app}` : `The app ${target.app}`
}
