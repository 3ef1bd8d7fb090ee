import { expect, test } from 'vitest'
import { checkHttp, checkRaces, checkSqlite } from './check.ts'

// `npm run test:fuzz` plays 10,000 and more of them: tests/fuzz/model.fuzz.ts.

test('whatever is done in whatever order: what the oracle allows is allowed, and nothing else', async () => {
  const tally = await checkSqlite(200)
  for (const met of ['read given', 'read no', 'read who', 'verify ok', 'verify no'])
    expect(tally.get(met)).toBeGreaterThan(0)
})

test('the same for what is done at the same time', async () => {
  const tally = await checkRaces(60)
  for (const met of ['read given', 'read no']) expect(tally.get(met)).toBeGreaterThan(0)
})

test('the same over HTTP, with two Tokenizers', async () => {
  const tally = await checkHttp(8)
  for (const met of ['read given', 'login ok']) expect(tally.get(met)).toBeGreaterThan(0)
})
