import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, findLeaks } from '../../harness/leaks.ts'
import { KINDS } from '../../harness/thief.ts'
import { allowed, SUBSETS } from './allowed.ts'
import { type Estate, PURPOSE, readPieces } from './estate.ts'

/** What is tried on an installation that has been robbed: all that a leak could give, for each choice of the four. */
export function tryEverything(robbed: () => Estate): void {
  whatALeakGives(robbed)
  nothingInTheClear(robbed)
}

const wonBy = async (estate: Estate, held: string) => {
  const haul = await estate.haul(held)
  return (kind: (typeof KINDS)[number]) => [...(haul.get(kind) ?? [])].sort()
}

function whatALeakGives(robbed: () => Estate): void {
  test.each(SUBSETS)('"%s"', async (held) => {
    const won = await wonBy(robbed(), held)
    const { truth } = robbed()
    expect(KINDS.filter((kind) => won(kind).length > 0)).toEqual(allowed(held))
    // The ring is one thing, which is not known otherwise.
    for (const kind of KINDS.filter((kind) => kind !== 'key ring'))
      expect(won(kind), kind).toEqual(allowed(held).includes(kind) ? [...truth[kind]].sort() : [])
    expect(won('key ring')).toHaveLength(allowed(held).includes('key ring') ? 1 : 0)
  })

  test('app and database show, by time, whose row is whose; nothing in them proves it', async () => {
    const won = await wonBy(robbed(), 'AM')
    expect(won('token by time')).toHaveLength(robbed().secrets.length)
    expect(won('link')).toEqual([])
  })

  test('a deleted value is gone for good, even for a thief of everything', async () => {
    const deleted = robbed().secrets.filter(({ fate }) => fate === 'deleted')
    expect(deleted.map(({ by }) => by).sort()).toEqual(['end to end', 'store'])
    const won = await wonBy(robbed(), 'AMRO')
    for (const { value, dataKey, objectKey } of deleted) {
      expect(won('value')).not.toContain(value)
      expect(won('data key')).not.toContain(dataKey.toString('hex'))
      expect(robbed().loot.objects.names).not.toContain(objectKey)
    }
  })

  test('no table was empty, but those that are filled later', () => {
    const later = ['audit_leaves', 'audit_nodes', 'audit_checkpoints', 'works']
    const empty = Object.entries(robbed().loot.database).filter(([, rows]) => rows.length === 0)
    expect(later).toEqual(expect.arrayContaining(empty.map(([table]) => table)))
  })
}

function nothingInTheClear(robbed: () => Estate): void {
  test('no value and no token, in any file of the installation', () => {
    const secrets = robbed().secrets.flatMap(({ line, token }) => [line, token])
    const { directory } = robbed().on
    const holders = filesBelow(directory).filter(
      (file) =>
        findLeaks(Buffer.concat([Buffer.from(`${file}\n`), readPieces(join(directory, file))]), secrets)
          .length,
    )
    expect(holders).toEqual([])
  })

  test('no part of a token, an access token, a session id or metadata in the database', () => {
    const pieces = robbed().secrets.flatMap(({ token, accessToken, sid }) => [
      token.slice(-20),
      accessToken.slice(0, 20),
      accessToken.slice(-20),
      sid,
      `user of ${sid}`,
      'marker-of-metadata',
    ])
    expect(findLeaks(robbed().lying.M, [...new Set(pieces)])).toEqual([])
  })

  test('no key of a value, in any file', () => {
    const spellings = robbed().secrets.flatMap(({ dataKey }) => [
      dataKey,
      ...(['hex', 'base64', 'base64url'] as const).map((name) => Buffer.from(dataKey.toString(name))),
    ])
    const holders = filesBelow(robbed().on.directory).filter((file) => {
      const bytes = readPieces(join(robbed().on.directory, file))
      return spellings.some((spelling) => bytes.includes(spelling))
    })
    expect(holders).toEqual([])
    expect(spellings.filter((spelling) => robbed().lying.M.includes(spelling))).toEqual([])
  })

  test('a purpose of a grant does, as the app wrote it', () => {
    const purposes = robbed().loot.database['grants']?.map(({ purpose }) => purpose)
    expect(new Set(purposes)).toEqual(new Set([null, PURPOSE]))
  })
}
