import { LunaDefend } from '@lunadefend/node-sdk'
import { expect } from 'vitest'
import { logIn } from '../harness/handshake.ts'
import type { House } from '../harness/house.ts'
import { ORIGIN } from '../harness/installation.ts'
import { fleetOf, newSigningKey } from '../harness/tokenizers.ts'
import { Wire } from '../harness/wire.ts'

/** Two Tokenizers, each in a process of its own: what is touched at the one freezes the session at the other. */
export async function freezesOnTheOther(house: House, postgresUrl: string | null): Promise<void> {
  const key = await newSigningKey('key')
  const fleet = await fleetOf(house, postgresUrl)
  await using first = await fleet.start([key])
  await using second = await fleet.start([key], 0)
  const one = await Wire.open(fleet.publicUrl, first.url)
  const two = await Wire.open(fleet.publicUrl, second.url)
  const shop = new LunaDefend({ tokenizerUrl: fleet.publicUrl, app: 'acme', signingKey: { ...key } })
  for (const sid of ['alice', 'mallory']) {
    const session = await logIn(one, { app: 'acme', origin: ORIGIN, signingKey: key, sid })
    const own = await shop.tokenize(sid, 'own')
    await shop.grants.create(sid, own)
    const read = async (wire: Wire, tokenId: string) =>
      (await wire.call('/detokenize', { headers: session.headers, body: { tokenId } })).status
    const bait = await shop.honeytokens.plant({ value: '900-11-2222' })
    if (sid === 'mallory') await shop.grants.create(sid, bait)
    expect(await read(two, own)).toBe(200)
    expect(await read(one, bait)).toBe(sid === 'mallory' ? 200 : 403)
    expect(await read(two, own)).toBe(403)
    expect(await read(one, own)).toBe(403)
  }
}
