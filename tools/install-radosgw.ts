/** Brings the Ceph RADOS gateway through apt where it is missing and may be installed; says why not elsewhere. */
import { env, getuid } from 'node:process'
import { APT, run } from './apt.ts'
import { CEPH_PACKAGES, CEPH_PROGRAMS, missingPrograms } from './radosgw.ts'

/** What this machine has. */
export interface Machine {
  /** Programs of the gateway that are not there. */
  readonly missing: readonly string[]
  /** `LUNADEFEND_RADOSGW`: `skip` goes without. */
  readonly wish: string | undefined
  readonly hasApt: boolean
  readonly isRoot: boolean
}

export type Plan =
  | { readonly kind: 'present' }
  /** Commands that run one after the other; each must succeed. */
  | { readonly kind: 'install'; readonly commands: readonly (readonly string[])[] }
  | { readonly kind: 'skip'; readonly why: string }

/** What can be done here without asking anybody. */
export function plan({ missing, wish, hasApt, isRoot }: Machine): Plan {
  if (wish === 'skip') return { kind: 'skip', why: 'LUNADEFEND_RADOSGW=skip says so' }
  if (missing.length === 0) return { kind: 'present' }
  const lacking = `${missing.join(', ')} not found`
  if (!hasApt) return { kind: 'skip', why: `${lacking}, and no apt-get to install it with` }
  if (!isRoot) return { kind: 'skip', why: `${lacking}, and installing it takes root` }
  return { kind: 'install', commands: APT_COMMANDS }
}

const APT_COMMANDS = [
  [...APT, 'update'],
  [...APT, 'install', '--no-install-recommends', ...CEPH_PACKAGES],
]

/** The plan for this machine. */
export async function planHere(): Promise<Plan> {
  return plan({
    missing: await missingPrograms(CEPH_PROGRAMS),
    wish: env['LUNADEFEND_RADOSGW'],
    hasApt: (await missingPrograms(['apt-get'])).length === 0,
    isRoot: getuid?.() === 0,
  })
}

const WAYS = `To install it: apt-get install ${CEPH_PACKAGES.join(' ')}; to go without: LUNADEFEND_RADOSGW=skip`

async function install(commands: readonly (readonly string[])[]): Promise<void> {
  console.log('Installing the Ceph RADOS gateway through apt (60 MB to fetch, 270 MB on disk) …')
  const failure = run(commands)
  const after = failure === null ? await planHere() : null
  if (after?.kind === 'present') return console.log('The Ceph RADOS gateway is installed.')
  console.error(`${failure ?? 'apt installed the packages, but not all programs.'}\n${WAYS}`)
  process.exitCode = 1
}

if (import.meta.main) {
  const todo = await planHere()
  if (todo.kind === 'install') await install(todo.commands)
  else if (todo.kind === 'skip') console.log(`The radosgw half is SKIPPED: ${todo.why}.\n${WAYS}`)
}
