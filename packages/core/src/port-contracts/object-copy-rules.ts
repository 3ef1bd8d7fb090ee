import { expect, test } from 'vitest'
import {
  contentOf,
  expectContent,
  givenObject,
  newKey,
  newObject,
  type ObjectStoreAbilities,
  type OpenObjectStore,
  SSE,
  send,
} from './sample-objects.ts'
import { bytes } from './sample-rows.ts'

/** Copies inside the store. */
export function copyRules(open: OpenObjectStore, { copiesBetweenKeys }: ObjectStoreAbilities): void {
  test.runIf(copiesBetweenKeys)('a copy has a key of its own, and the source stays', async () => {
    await using under = await open()
    const { objectStore } = under
    const content = bytes(5000)
    const [from, to] = [await givenObject(objectStore, content), newObject()]
    expect(await objectStore.copy(from, to)).toBe('copied')
    await expectContent(objectStore, to, content)
    await expectContent(objectStore, from, content)
    const withOldKey = await objectStore.presignGet(to.objectKey, from.sseKey)
    expect((await send('GET', withOldKey)).ok).toBe(false)
  })

  test.runIf(copiesBetweenKeys)('a copy that was made already is made', async () => {
    await using under = await open()
    const { objectStore } = under
    const [from, to] = [await givenObject(objectStore, bytes(50)), newObject()]
    expect(await objectStore.copy(from, to)).toBe('copied')
    expect(await objectStore.copy(from, to)).toBe('copied')
  })

  test.runIf(copiesBetweenKeys)('another object of that name is not replaced', async () => {
    await using under = await open()
    const { objectStore } = under
    const [from, there] = [
      await givenObject(objectStore, bytes(50)),
      await givenObject(objectStore, bytes(9)),
    ]
    const before = await contentOf(objectStore, there)
    for (const to of [there, { ...there, sseKey: bytes(32) }]) {
      await expect(objectStore.copy(from, to)).rejects.toMatchObject({ code: 'objects_refused' })
    }
    await expectContent(objectStore, there, before)
  })

  test.runIf(!copiesBetweenKeys)(
    'a store that cannot copy between keys says so, and copies nothing',
    async () => {
      await using under = await open()
      const { objectStore } = under
      const [from, to] = [await givenObject(objectStore, bytes(50)), newObject()]
      expect(await objectStore.copy(from, to)).toBe('unable')
      expect(await objectStore.exists(to.objectKey)).toBe(false)
    },
  )

  test('what the client has encrypted is copied as it is', async () => {
    await using under = await open()
    const { objectStore } = under
    const [from, to] = [
      { objectKey: newKey(), sseKey: null },
      { objectKey: newKey(), sseKey: null },
    ]
    const content = bytes(77)
    const put = await objectStore.presignPut(from.objectKey, null, content.length)
    expect(Object.keys(put.headers).filter((name) => name.startsWith(SSE))).toEqual([])
    expect((await send('PUT', put, content)).status).toBe(200)
    expect(await objectStore.copy(from, to)).toBe('copied')
    await expectContent(objectStore, to, content)
  })

  test('a source that is not there is missing', async () => {
    await using under = await open()
    const [from, to] = [newObject(), newObject()]
    expect(await under.objectStore.copy(from, to)).toBe('missing')
    expect(await under.objectStore.exists(to.objectKey)).toBe(false)
  })
}
