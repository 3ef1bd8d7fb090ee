import { isSignedBy } from '../crypto/checkpoint-key.ts'
import {
  ACTIVATION_DELAY_MS,
  currentAuditKey,
  currentKey,
  type KeyRing,
  openKeyRing,
  type RingKeyName,
  withNewVersion,
  withoutVersion,
} from '../crypto/key-ring.ts'
import { allowed, refused } from '../domain/audit.ts'
import { PortFailure } from '../port-failure.ts'
import type { KeyUse, Work } from '../ports.ts'
import { systemSubject } from './audit-trail.ts'
import { replaceRing } from './key-ring.ts'
import type { Needs } from './needs.ts'

type RotationNeeds = Pick<Needs, 'database' | 'clock' | 'keys'>

/** One version of a key, and what still needs it. */
export interface HeldKey {
  readonly key: KeyUse['key']
  /** The kid of a root key; the version of a key of the ring, in decimal. */
  readonly name: string
  readonly state: 'next' | 'current' | 'older'
  /** Milliseconds since 1970; `null` = not known. */
  readonly activeFrom: number | null
  /** Rows that name it. Of audit keys `null`: every audit row names one. */
  readonly rows: number | null
}

/** Every key that is held or named, and how far the background work got: the progress of every rotation. */
export async function readKeyStatus(needs: RotationNeeds): Promise<{ keys: HeldKey[]; work: Work[] }> {
  const [uses, work] = await needs.database.read((reader) =>
    Promise.all([reader.countKeyUses(), reader.findWork()]),
  )
  return { keys: [...rootKeys(needs, uses), ...ringKeys(needs, uses)], work }
}

function rootKeys({ keys: { root } }: RotationNeeds, uses: readonly KeyUse[]): HeldKey[] {
  const named = uses.filter(({ key }) => key === 'root').map(({ name }) => name)
  return [...new Set([...root.kids, ...named])].map((kid) => ({
    key: 'root',
    name: kid,
    state: kid === root.activeKid ? 'current' : 'older',
    activeFrom: null,
    rows: rowsOf(uses, 'root', kid),
  }))
}

function ringKeys({ keys: { ring }, clock }: RotationNeeds, uses: readonly KeyUse[]): HeldKey[] {
  const now = clock.now()
  const names = ['locator', 'objects', 'grant', 'session', 'checkpoint'] as const
  const versioned = names.flatMap((key) => {
    const current = currentKey(ring[key], now).version
    return ring[key].map(({ version, activeFrom }): HeldKey => {
      const name = String(version)
      return { key, name, state: stateOf(version, current), activeFrom, rows: rowsOf(uses, key, name) }
    })
  })
  return [...versioned, ...auditKeys(ring, now)]
}

function auditKeys(ring: KeyRing, now: number): HeldKey[] {
  const current = currentAuditKey(ring, now)?.epoch ?? 0
  return [...ring.audit.keys()].map((epoch) => ({
    key: 'audit',
    name: String(epoch),
    state: stateOf(epoch, current),
    activeFrom: null,
    rows: null,
  }))
}

function stateOf(version: number, current: number): HeldKey['state'] {
  if (version === current) return 'current'
  return version > current ? 'next' : 'older'
}

function rowsOf(uses: readonly KeyUse[], key: KeyUse['key'], name: string): number {
  return uses.find((use) => use.key === key && use.name === name)?.rows ?? 0
}

export type Rotated = 'rotated' | 'too-soon'
export type Retired = 'retired' | 'in-use' | 'unknown'

/**
 * Adds a version to a key of the ring; it becomes the current one as soon as every process knows it (90 seconds; an
 * audit key at once). `too-soon` while another new version waits for that. What older versions made stays valid.
 */
export async function rotateRingKey(
  needs: RotationNeeds,
  requestId: string,
  name: RingKeyName,
): Promise<Rotated> {
  for (;;) {
    const { ring, kid } = await presentRing(needs)
    const now = needs.clock.now()
    if (name !== 'audit' && ring[name].some(({ activeFrom }) => activeFrom > now)) return 'too-soon'
    const audit = allowed(systemSubject(needs, requestId, 'rotate-key', null, 1))
    const change = { retires: null, audit }
    const outcome = await replaceRing(rooted(needs), kid, withNewVersion(ring, name, now), change)
    if (outcome === 'replaced') return 'rotated'
  }
}

/**
 * How long an old version is kept after another one has become the current one, whatever names it: a process whose clock
 * is behind still writes with it. One that is further behind can use no object store (AWS: RequestTimeTooSkewed).
 */
const RETIRE_AFTER_MS = 15 * 60 * 1000 + ACTIVATION_DELAY_MS

/**
 * Removes an old version of a key of the ring for good. `in-use` while a row names it, while it is the current one or
 * the next, and for some minutes after: see RETIRE_AFTER_MS.
 */
export async function retireRingKey(
  needs: RotationNeeds,
  requestId: string,
  name: RingKeyName,
  version: number,
): Promise<Retired> {
  const subject = systemSubject(needs, requestId, 'retire-key', null, 1)
  for (;;) {
    const { ring, kid } = await presentRing(needs)
    const replaceable = replacedSince(ring, name, version, needs.clock.now())
    if (replaceable === null) return 'unknown'
    const change = { retires: { key: name, version }, audit: allowed(subject) }
    const next = withoutVersion(ring, name, version)
    const tooSoon =
      replaceable < RETIRE_AFTER_MS || (name === 'checkpoint' && !(await isStillSigned(needs, next)))
    const outcome = tooSoon ? 'in-use' : await replaceRing(rooted(needs), kid, next, change)
    if (outcome === 'replaced') return 'retired'
    if (outcome === 'in-use') {
      await needs.database.commit.recordAudit([refused(subject, 'key-in-use')])
      return 'in-use'
    }
  }
}

/** The newest checkpoint must have a signature of a key that is held: whoever seals goes on from no other. */
async function isStillSigned({ database }: RotationNeeds, next: KeyRing): Promise<boolean> {
  const checkpoint = await database.read((reader) => reader.findCheckpoint())
  return checkpoint === null || isSignedBy(next, checkpoint.note)
}

/** For how long another version has been the current one, in milliseconds; -1 = it is still needed, `null` = not held. */
function replacedSince(ring: KeyRing, name: RingKeyName, version: number, now: number): number | null {
  if (name === 'audit') {
    if (!ring.audit.has(version)) return null
    return version < (currentAuditKey(ring, now)?.epoch ?? 0) ? Number.POSITIVE_INFINITY : -1
  }
  if (!ring[name].some((held) => held.version === version)) return null
  const current = currentKey(ring[name], now)
  return version < current.version ? now - current.activeFrom : -1
}

/** The ring as it lies in the database: another process may have changed it since this one last looked. */
async function presentRing({ database, keys }: RotationNeeds): Promise<{ ring: KeyRing; kid: string }> {
  const row = await database.read((reader) => reader.readKeyRing())
  if (row === null) throw new PortFailure('database_damaged', 'Its key ring is gone.')
  return { ring: await openKeyRing(keys.root.prf, row), kid: row.kid }
}

function rooted({ database, keys }: RotationNeeds) {
  return { database, root: keys.root }
}
