import { describe, expect, test } from 'vitest'
import type { Case } from './case.ts'
import { authorizationCases } from './cases/authorization.ts'
import { checksumCases } from './cases/checksums.ts'
import { conditionCases } from './cases/conditions.ts'
import { copyCases } from './cases/copies.ts'
import { corsCases } from './cases/cors.ts'
import { customerKeyCases } from './cases/customer-keys.ts'
import { listCases } from './cases/lists.ts'
import { multipartCases } from './cases/multipart.ts'
import { objectCases } from './cases/objects.ts'
import { presignedCases } from './cases/presigned.ts'
import { sdkCases } from './cases/sdk.ts'
import type { Departures } from './departures.ts'
import { openLab } from './lab.ts'
import type { Seen, Target } from './target.ts'

export const CASES: readonly Case[] = [
  ...presignedCases,
  ...authorizationCases,
  ...customerKeyCases,
  ...objectCases,
  ...conditionCases,
  ...checksumCases,
  ...multipartCases,
  ...copyCases,
  ...listCases,
  ...corsCases,
  ...sdkCases,
]

/** Every case against one store: it does what AWS documents, or what is written down as its departure. */
export function conformance(target: () => Target, departures: Departures): void {
  const really = Object.assign({}, ...Object.values(departures)) as Readonly<Record<string, Seen>>
  describe.concurrent('behaves as AWS S3 documents, but for its known departures', () => {
    test.each(CASES.map((row, number) => [row[0], number, row] as const))('%s', async (name, number, row) => {
      const [, documented, observe] = row
      const seen = await observe(openLab(target(), String(number)))
      expect(seen).toEqual(name in really ? really[name] : documented)
    })
  })
}
