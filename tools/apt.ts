import { spawnSync } from 'node:child_process'
import { env } from 'node:process'

/** How apt is called where nobody can answer it. */
export const APT = ['apt-get', '-y', '-qq', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0']

/** The first command that fails, with its last words; `null` when all went well. */
export function run(commands: readonly (readonly string[])[]): string | null {
  const settings = { ...env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const [program = '', ...args] of commands) {
    const { status, stderr } = spawnSync(program, args, { env: settings, encoding: 'utf8' })
    if (status !== 0) return `\`${[program, ...args].join(' ')}\` failed.\n${(stderr ?? '').slice(-2000)}`
  }
  return null
}
