/**
 * A Ceph RADOS gateway of one node, on loopback, in memory, for tests: a monitor, one OSD and the gateway, each on a free
 * port, with all their files in a fresh temporary folder. It lives as long as the process that starts it.
 * https://docs.ceph.com/en/pacific/install/manual-deployment/
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { access, constants, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { env } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** The programs that a gateway takes, and the Debian packages that they are in. */
export const CEPH_PROGRAMS = [
  ...['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool'],
  // Of util-linux, which every Debian has.
  'setpriv',
]
export const CEPH_PACKAGES = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-common']

export interface Radosgw extends AsyncDisposable {
  /** Path style on `http://127.0.0.1:<port>`. There is no bucket yet. */
  readonly endpoint: string
  readonly region: 'us-east-1'
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** As the gateway says it: `16.2.15`. */
  readonly version: string
  /** Its processes, and the folder of their files. */
  readonly pids: readonly number[]
  readonly folder: string
  /** Ends the processes and removes the folder. */
  close(): Promise<void>
}

/** Those of the programs that are not in PATH. */
export async function missingPrograms(programs: readonly string[]): Promise<string[]> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const isIn = (folder: string, program: string) =>
    access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    )
  const isMissing = async (program: string) =>
    !(await Promise.all(folders.map((folder) => isIn(folder, program)))).includes(true)
  const missing = await Promise.all(programs.map(isMissing))
  return programs.filter((_, i) => missing[i])
}

/** @throws {Error} it did not start, with the last words of what failed; nothing is left behind then */
export async function startRadosgw(): Promise<Radosgw> {
  // A port that is found free can be gone when it is wanted.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce()
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

async function startOnce(): Promise<Radosgw> {
  const node = await prepareNode()
  try {
    await startMonitor(node)
    await startOsd(node)
    await startGateway(node)
    return await running(node)
  } catch (error) {
    await remove(node)
    throw error
  }
}

interface Daemon {
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  /** What it said so far. */
  readonly words: () => string
}

interface Node {
  readonly folder: string
  readonly clusterId: string
  readonly monitorPort: number
  readonly gatewayPort: number
  readonly daemons: Daemon[]
}

async function prepareNode(): Promise<Node> {
  const folder = await mkdtemp(join(tmpdir(), 'radosgw-'))
  const [monitorPort, gatewayPort] = await Promise.all([freePort(), freePort()])
  const node = { folder, clusterId: randomUUID(), monitorPort, gatewayPort, daemons: [] }
  await Promise.all(['mon', 'osd', 'rgw'].map((name) => mkdir(join(folder, name))))
  await writeFile(join(folder, 'ceph.conf'), configuration(node))
  return node
}

/** Below what systems hand out by themselves, so that nobody gets it by chance between our look at it and its use. */
async function freePort(): Promise<number> {
  const server = createServer()
  for (;;) {
    server.listen(randomInt(20_000, 32_000), '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    return port
  }
}

/** One copy of everything, no authentication between the parts: all of them listen on loopback and hold test data. */
function configuration({ folder, clusterId, monitorPort, gatewayPort }: Node): string {
  return `[global]
fsid = ${clusterId}
mon_initial_members = a
mon_host = v2:127.0.0.1:${monitorPort}/0
ms_bind_msgr1 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
# Without authentication there is no key for a secured session with the monitor.
ms_mon_client_mode = crc
run_dir = ${folder}
crash_dir = ${folder}
admin_socket =
log_file =
mon_cluster_log_file =
log_to_stderr = true
err_to_stderr = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 10000
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[mon]
mon_data = ${folder}/mon
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
[osd]
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_heartbeat_grace = 120
[client.rgw]
rgw_data = ${folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:${gatewayPort} tcp_nodelay=1
rgw_dns_name = localhost
rgw_enable_apis = s3, admin
# SSE-C over http: test data on loopback.
rgw_crypt_require_ssl = false
rgw_thread_pool_size = 64
rgw_rados_pool_pg_num_min = 1
rgw_rados_pool_autoscale_bias = 1
rgw_override_bucket_index_max_shards = 1
rgw_run_sync_thread = false
rgw_gc_max_objs = 2
rgw_lc_max_objs = 2
rgw_usage_max_shards = 1
rgw_reshard_num_logs = 1
`
}

async function startMonitor(node: Node): Promise<void> {
  const { folder, clusterId, monitorPort } = node
  const map = join(folder, 'monmap')
  const address = `v2:127.0.0.1:${monitorPort}`
  await run('monmaptool', ['--create', '--clobber', '--fsid', clusterId, '--addv', 'a', address, map])
  await run('ceph-mon', ceph(node, '--mkfs', '-i', 'a', '--monmap', map))
  startDaemon(node, 'ceph-mon', '-i', 'a')
}

async function startOsd(node: Node): Promise<void> {
  const osdId = randomUUID()
  await run('ceph', ceph(node, '--connect-timeout', '60', 'osd', 'new', osdId))
  await run('ceph-osd', ceph(node, '--mkfs', '-i', '0', '--osd-uuid', osdId))
  startDaemon(node, 'ceph-osd', '-i', '0')
}

async function startGateway(node: Node): Promise<void> {
  const gateway = startDaemon(node, 'radosgw', '-n', 'client.rgw')
  await untilItAnswers(node, gateway)
}

async function running(node: Node): Promise<Radosgw> {
  const accessKeyId = randomBytes(10).toString('hex').toUpperCase()
  const secretAccessKey = randomBytes(20).toString('hex')
  const user = [
    '--uid=tests',
    '--display-name=tests',
    `--access-key=${accessKeyId}`,
    `--secret=${secretAccessKey}`,
  ]
  await run('radosgw-admin', ceph(node, '-n', 'client.rgw', 'user', 'create', ...user))
  const close = () => remove(node)
  return {
    endpoint: endpointOf(node),
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
    version: /version ([\d.]+)/.exec(await run('radosgw', ['--version']))?.[1] ?? 'unknown',
    pids: node.daemons.flatMap(({ process }) => process.pid ?? []),
    folder: node.folder,
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function remove({ daemons, folder }: Node): Promise<void> {
  // What is in memory is not worth a clean end.
  for (const { process } of daemons) process.kill('SIGKILL')
  await Promise.all(daemons.map(({ ended }) => ended))
  await rm(folder, { recursive: true, force: true })
}

function endpointOf({ gatewayPort }: Node): string {
  return `http://127.0.0.1:${gatewayPort}`
}

function ceph({ folder }: Node, ...args: string[]): string[] {
  return ['-c', join(folder, 'ceph.conf'), ...args]
}

const START_MS = 120_000

/** @throws {Error} with the last words of the program */
async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: START_MS })
  return stdout
}

const DIES_WITH_US = ['setpriv', '--pdeathsig', 'KILL'] as const

/** In the foreground, and it dies with this process, however that one ends. */
function startDaemon(node: Node, program: string, ...args: string[]): Daemon {
  const [keeper, ...words] = DIES_WITH_US
  const child = spawn(keeper, [...words, program, ...ceph(node, '-f', ...args)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000)
  })
  const ended = new Promise((resolve) => child.once('error', resolve).once('close', resolve))
  const daemon = { process: child, ended, words: () => said }
  node.daemons.push(daemon)
  return daemon
}

async function untilItAnswers(node: Node, gateway: Daemon): Promise<void> {
  const end = Date.now() + START_MS
  while (Date.now() < end) {
    const answer = await fetch(endpointOf(node)).catch(() => null)
    if (answer?.status === 200) return
    const { exitCode, signalCode } = gateway.process
    if (exitCode !== null || signalCode !== null) break
    await sleep(100)
  }
  throw new Error(`radosgw did not start:\n${node.daemons.map(({ words }) => words()).join('\n')}`)
}

/** `node tools/radosgw.ts` runs one until it is interrupted, and prints how to reach it. */
if (import.meta.main) {
  await using gateway = await startRadosgw()
  console.log(
    JSON.stringify(
      gateway,
      ['endpoint', 'region', 'credentials', 'accessKeyId', 'secretAccessKey', 'version'],
      2,
    ),
  )
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
}
