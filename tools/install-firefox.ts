/** Brings Firefox through apt where it is missing and may be installed; says why not elsewhere. */
import { env, getuid } from 'node:process'
import { APT, run } from './apt.ts'
import { FIREFOX_PACKAGE, findFirefox } from './firefox.ts'
import { missingPrograms } from './radosgw.ts'

/** What this machine has. */
export interface Machine {
  readonly program: string | null
  /** `LUNADEFEND_FIREFOX`: the path of one, or `skip` to go without. */
  readonly wish: string | undefined
  readonly hasApt: boolean
  readonly isRoot: boolean
}

export type Plan =
  | { readonly kind: 'present'; readonly program: string }
  /** Commands that run one after the other; each must succeed. */
  | { readonly kind: 'install'; readonly commands: readonly (readonly string[])[] }
  | { readonly kind: 'skip'; readonly why: string }

/** What can be done here without asking anybody. */
export function plan({ program, wish, hasApt, isRoot }: Machine): Plan {
  if (wish === 'skip') return { kind: 'skip', why: 'LUNADEFEND_FIREFOX=skip says so' }
  if (program !== null) return { kind: 'present', program }
  if (wish !== undefined && wish !== '')
    return { kind: 'skip', why: 'LUNADEFEND_FIREFOX does not name the absolute path of a program' }
  if (!hasApt) return { kind: 'skip', why: 'there is no Firefox, and no apt-get to install it with' }
  if (!isRoot) return { kind: 'skip', why: 'there is no Firefox, and installing it takes root' }
  return { kind: 'install', commands: APT_COMMANDS }
}

const APT_COMMANDS = [
  [...APT, 'update'],
  [...APT, 'install', '--no-install-recommends', FIREFOX_PACKAGE],
]

/** The plan for this machine. */
export async function planHere(): Promise<Plan> {
  return plan({
    program: findFirefox(),
    wish: env['LUNADEFEND_FIREFOX'],
    hasApt: (await missingPrograms(['apt-get'])).length === 0,
    isRoot: getuid?.() === 0,
  })
}

const WAYS = `To install it: apt-get install ${FIREFOX_PACKAGE}; to go without: LUNADEFEND_FIREFOX=skip`

async function install(commands: readonly (readonly string[])[]): Promise<void> {
  console.log('Installing Firefox through apt (70 MB to fetch, 280 MB on disk) …')
  const failure = run(commands)
  const after = failure === null ? await planHere() : null
  if (after?.kind === 'present') return console.log(`Firefox is installed: ${after.program}`)
  console.error(`${failure ?? 'apt installed the package, but no browser.'}\n${WAYS}`)
  process.exitCode = 1
}

if (import.meta.main) {
  const todo = await planHere()
  if (todo.kind === 'present') console.log(`Firefox is here: ${todo.program}`)
  else if (todo.kind === 'install') await install(todo.commands)
  else console.log(`The tests in Firefox are SKIPPED: ${todo.why}.\n${WAYS}`)
}
