import { spawn, spawnSync } from 'node:child_process'
import { env, getuid, stdout } from 'node:process'
import { createInterface } from 'node:readline'
import { findChromium, searchHere } from './chromium.ts'

/** What this machine has. */
export interface Machine {
  /** The browser that was found, and what it says its version is; `version` is `null` when it does not start. */
  readonly browser: { readonly path: string; readonly version: string | null } | null
  /** `LUNADEFEND_CHROMIUM`. */
  readonly named: string | undefined
  readonly hasApt: boolean
  readonly isRoot: boolean
  /** `sudo` works without asking for a password. */
  readonly hasSudo: boolean
}

export type Plan =
  | { readonly kind: 'present'; readonly path: string; readonly version: string }
  /** Commands that run one after the other; each must succeed. */
  | { readonly kind: 'install'; readonly commands: readonly (readonly string[])[] }
  | { readonly kind: 'ask'; readonly why: string }

/** What can be done here without asking anybody. */
export function plan({ browser, named, hasApt, isRoot, hasSudo }: Machine): Plan {
  if (browser !== null && browser.version !== null)
    return { kind: 'present', path: browser.path, version: browser.version }
  if (named !== undefined && named !== '')
    return {
      kind: 'ask',
      why: 'LUNADEFEND_CHROMIUM does not name the absolute path of a browser that starts.',
    }
  if (!hasApt) return { kind: 'ask', why: 'There is no Chromium here, and no apt-get to install it with.' }
  if (isRoot) return { kind: 'install', commands: aptCommands([]) }
  if (hasSudo) return { kind: 'install', commands: aptCommands(['sudo', '-n']) }
  return { kind: 'ask', why: 'There is no Chromium here, and installing it takes root.' }
}

const WAYS = `The tests drive a real browser. One of these gives them one:
  sudo apt-get install chromium              on Debian
  npx playwright-core install chromium       on other systems, without root
  LUNADEFEND_CHROMIUM=/absolute/path/to/it   when there is one elsewhere
Then run the tests again.`

function aptCommands(prefix: readonly string[]): string[][] {
  // Status lines come on standard output, because sudo closes every other descriptor.
  const apt = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-y']
  const options = ['-o', 'APT::Status-Fd=1', '-o', 'DPkg::Lock::Timeout=120']
  return [
    [...apt, ...options, 'update'],
    [...apt, ...options, 'install', '--no-install-recommends', 'chromium'],
  ]
}

/** What a line of apt's status says (`pmstatus:chromium:42.5:Unpacking chromium`); `null` for any other line. */
export function progressOf(line: string): { readonly percent: number; readonly what: string } | null {
  const match = /^(?:dl|pm)status:[^:]*:([\d.]+):(.*)$/.exec(line)
  return match === null ? null : { percent: Math.round(Number(match[1])), what: match[2] ?? '' }
}

function machine(): Machine {
  const succeeds = (command: string, ...args: string[]) =>
    spawnSync(command, args, { stdio: 'ignore' }).status === 0
  const isRoot = getuid?.() === 0
  const path = findChromium(searchHere())
  return {
    browser: path === null ? null : { path, version: versionOf(path) },
    named: env['LUNADEFEND_CHROMIUM'],
    hasApt: succeeds('apt-get', '--version'),
    isRoot,
    hasSudo: !isRoot && succeeds('sudo', '-n', 'true'),
  }
}

/** Ubuntu puts a script under this name that only tells where to get a browser; so it is started once. */
function versionOf(path: string): string | null {
  const { status, stdout: text } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 30_000 })
  return status === 0 ? text.trim() : null
}

/** Runs one command with a line of progress. Its last words are shown when it fails. */
function run([command = '', ...args]: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      const progress = progressOf(line)
      if (progress === null) said.push(line)
      else showProgress(progress.percent, progress.what)
    })
  }
  return new Promise((resolve) => {
    child.on('error', () => resolve(false))
    child.on('close', (code) => {
      if (stdout.isTTY) stdout.write('\r\u001b[K')
      if (code !== 0) console.error(said.slice(-12).join('\n'))
      resolve(code === 0)
    })
  })
}

let shown = -10

/** On a terminal one line that changes, elsewhere a new line at each tenth. */
function showProgress(percent: number, what: string): void {
  if (stdout.isTTY) {
    const bar = '#'.repeat(Math.round(percent / 5)).padEnd(20, '.')
    stdout.write(`\r\u001b[K[${bar}] ${percent} % ${what.slice(0, 50)}`)
  } else if (percent < shown || percent >= shown + 10) {
    shown = percent
    console.log(`${percent} % ${what}`)
  }
}

async function install(commands: readonly (readonly string[])[]): Promise<void> {
  console.log('Installing Chromium through apt …')
  for (const command of commands) {
    if (await run(command)) continue
    console.error(`\`${command.join(' ')}\` failed.\n${WAYS}`)
    process.exitCode = 1
    return
  }
  const after = plan({ ...machine(), hasApt: false })
  if (after.kind === 'present') console.log(`Chromium is installed: ${after.path} (${after.version})`)
  else fail('apt installed a package called chromium, but no browser that starts.')
}

function fail(why: string): void {
  console.error(`${why}\n${WAYS}`)
  process.exitCode = 1
}

if (import.meta.main) {
  const todo = plan(machine())
  if (todo.kind === 'present') console.log(`Chromium is here: ${todo.path} (${todo.version})`)
  else if (todo.kind === 'install') await install(todo.commands)
  else fail(todo.why)
}
