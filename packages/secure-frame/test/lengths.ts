import { expect } from 'vitest'
import { expectState, type Mounted, type Stage } from './stage.ts'

const LENGTHS = Array.from({ length: 64 }, (_, index) => index + 1)

/** What a page sees of a value of each length, and how long it took. */
interface Sight {
  readonly length: number
  readonly seen: string
  readonly took: number
}

/** In an order in which neither time nor the machine's moods rise with the length: 27 is prime to 64. */
const ORDER = LENGTHS.map((_, index) => ((index * 27) % 64) + 1)

export async function typedLengths(stage: Stage): Promise<readonly Sight[]> {
  const field = await stage.mount('input', { configure: { inputType: 'text' } })
  await field.value.focus()
  const sights: Sight[] = []
  for (const length of [20, 40, ...ORDER]) {
    const heard = (await field.said()).length
    const begun = performance.now()
    await field.value.evaluate(
      (_, text) => document.execCommand('insertText', false, text),
      'x'.repeat(length),
    )
    await field.ask({ type: 'tokenize' })
    const took = performance.now() - begun
    await stage.page.waitForTimeout(60)
    const seen = await look(stage, field, heard)
    await field.send({ type: 'clear' })
    await expectState(field, 'empty!')
    sights.push({ length, seen, took })
  }
  await field.remove()
  return sights.slice(2)
}

export async function shownLengths(stage: Stage): Promise<readonly Sight[]> {
  const paragraph = await stage.mount('paragraph')
  const sights: Sight[] = []
  for (const length of [20, 40, ...ORDER]) {
    const tokenId = stage.world.put('x'.repeat(length))
    const heard = (await paragraph.said()).length
    const begun = performance.now()
    await paragraph.ask({ type: 'load', tokenId })
    const took = performance.now() - begun
    sights.push({ length, seen: await look(stage, paragraph, heard), took })
  }
  await paragraph.remove()
  return sights.slice(2)
}

/** Messages since then, and all that the page's script can measure of the frame. */
async function look({ page }: Stage, { name, said }: Mounted, since: number): Promise<string> {
  const messages = (await said())
    .slice(since)
    .map((each) => JSON.stringify(each).replace(/"(?:id|tokenId)":(?:\d+|"[^"]*"),?/g, ''))
  const sizes = await page.evaluate((given) => {
    const iframe = document.getElementsByName(given)[0] as HTMLIFrameElement
    const { width, height } = iframe.getBoundingClientRect()
    const { scrollWidth, scrollHeight, clientWidth, clientHeight } = iframe
    const root = document.documentElement
    const resources = performance.getEntriesByType('resource').length
    return [width, height, scrollWidth, scrollHeight, clientWidth, clientHeight, iframe.contentWindow?.length]
      .concat([root.scrollWidth, root.scrollHeight, resources])
      .join(' ')
  }, name)
  return `${messages.sort().join('\n')}\n${sizes}`
}

/** One look for all lengths; and times that do not rise or fall with them. */
export function expectAllAlike(sights: readonly Sight[]): void {
  expect([...new Set(sights.map(({ seen }) => seen))]).toHaveLength(1)
  expect(sights).toHaveLength(64)
  // Of 64 pairs without a connection, one set in some hundred thousand correlates more than this.
  expect(Math.abs(rankCorrelation(sights))).toBeLessThan(0.55)
}

/** Spearman's: 1 when the longer value always takes longer. */
export function rankCorrelation(sights: readonly Pick<Sight, 'length' | 'took'>[]): number {
  const count = sights.length
  const byTime = [...sights].sort((a, b) => a.took - b.took)
  const byLength = [...sights].sort((a, b) => a.length - b.length)
  const squares = sights.reduce((sum, each) => sum + (byTime.indexOf(each) - byLength.indexOf(each)) ** 2, 0)
  return 1 - (6 * squares) / (count * (count ** 2 - 1))
}
