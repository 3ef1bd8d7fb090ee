import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorsOf, frameOf, type RealStage, startRealStage } from '../../browser/test/real-stage.ts'
import { allReady, until } from '../../browser/test/stage.ts'
import { fileHeader } from '../../content-cipher/src/file-envelope.ts'
import { appBundle } from './bundle.ts'
import { ROWS } from './lifecycle.ts'

/** Pictures of 1 by 1 and of 2 by 1 pixels. */
const SMALL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const WIDE = 'R0lGODlhAgABAIAAAP///wAAACH5BAAAAAAALAAAAAACAAEAAAICBAoAOw=='

describe.each([18, 19] as const)(
  'React %i, in StrictMode, with the real Tokenizer and frames:',
  (version) => {
    let stage: RealStage
    let page: Page
    const lines: string[] = []

    beforeAll(async () => {
      stage = await startRealStage(appBundle(version))
    })
    afterAll(() => stage?.[Symbol.asyncDispose]())

    async function open(): Promise<void> {
      lines.length = 0
      page?.removeAllListeners('console')
      page = await stage.open('<div id="root"></div><script>appId = "shop"</script>')
      page.on('console', (line) => /error|warning/.test(line.type()) && lines.push(line.text()))
    }

    async function store(value: Uint8Array): Promise<string> {
      const sid = stage.client.sid('login-1')
      const token = await stage.client.tokenize(sid, value)
      await stage.client.grants.create(sid, token)
      return token
    }

    /** Two of it with one name. */
    async function render(component: string, token: string): Promise<void> {
      const { kind } = ROWS.find((row) => row.component === component) ?? {}
      await page.evaluate((given) => Reflect.get(window, 'mount')('Pair', given), { component, kind, token })
    }
    const unmount = (): Promise<void> => page.evaluate(() => Reflect.get(window, 'unmount')())
    const pair = () => Promise.all([0, 1].map((index) => frameOf(page, `:nth-match(.pair, ${index + 1})`)))

    /** Pictures that are shown, by their widths. */
    async function widths(): Promise<number[]> {
      const each = (await pair()).map((frame) => frame.evaluate(() => document.images[0]?.naturalWidth ?? 0))
      return Promise.all(each)
    }

    async function expectQuiet(): Promise<void> {
      const errors = await errorsOf(page)
      expect(errors.filter((error) => !error.endsWith(':removed'))).toEqual([])
      expect(lines).toEqual([])
    }

    test('each component starts, twice on a page, and leaves', async () => {
      await open()
      expect(await page.evaluate(() => Reflect.get(window, 'version'))).toMatch(new RegExp(`^${version}\\.`))
      const token = await store(Buffer.from('text'))
      for (const { component } of ROWS) {
        await render(component, token)
        await allReady(page)
        expect(await page.locator('iframe').count(), component).toBe(2)
        await unmount()
        expect(await page.locator('iframe').count(), component).toBe(0)
      }
      await expectQuiet()
    })

    test('pictures that come, change and go at any moment show what was asked for last', async () => {
      await open()
      const [small, wide] = await Promise.all([SMALL, WIDE].map((text) => store(Buffer.from(text, 'base64'))))
      const leave = async (): Promise<void> => {
        await unmount()
        expect(await page.locator('iframe').count()).toBe(0)
      }
      await render('SecureImage', small ?? '')
      await leave()
      await render('SecureImage', small ?? '')
      await until(() => page.locator('iframe').count()).toBe(2)
      await leave()
      stage.line.hold()
      await render('SecureImage', small ?? '')
      await allReady(page)
      await leave()
      await render('SecureImage', small ?? '')
      await allReady(page)
      await render('SecureImage', wide ?? '')
      stage.line.mend()
      await until(widths).toEqual([2, 2])
      await render('SecureImage', '')
      await until(widths).toEqual([0, 0])
      await render('SecureImage', small ?? '')
      await until(widths).toEqual([1, 1])
      await leave()
      await render('SecureImage', '')
      await allReady(page)
      expect(await widths()).toEqual([0, 0])
      await expectQuiet()
    })

    test('files are saved whole, by each of two; one that was under way when its component left is not', async () => {
      await open()
      const [first, other] = [randomBytes(300_000), randomBytes(200_000)]
      const named = (name: string, content: Buffer): Promise<string> =>
        store(Buffer.concat([fileHeader({ name, type: '' }, content.length), content]))
      const tokens = [await named('first.bin', first), await named('other.bin', other)]
      const saved: string[] = []
      page.on('download', (download) => saved.push(download.suggestedFilename()))
      const save = async (index: number): Promise<Buffer> => {
        const coming = page.waitForEvent('download')
        await (await pair())[index]?.getByRole('button', { name: 'Download' }).click()
        return readFile(await (await coming).path())
      }
      const begin = async (): Promise<void> => {
        const [frame] = await pair()
        await frame?.getByRole('button', { name: 'Download' }).click()
        await frame?.getByText('Downloading').waitFor()
      }
      await render('SecureDownload', tokens[0] ?? '')
      await allReady(page)
      expect(await page.locator('iframe').first().getAttribute('sandbox')).toMatch(/\ballow-downloads\b/)
      for (const index of [0, 1]) expect((await save(index)).equals(first)).toBe(true)
      stage.line.hold()
      await begin()
      await unmount()
      await render('SecureDownload', tokens[0] ?? '')
      await allReady(page)
      await begin()
      await render('SecureDownload', tokens[1] ?? '')
      stage.line.mend()
      expect((await save(0)).equals(other)).toBe(true)
      expect(saved).toEqual(['first.bin', 'first.bin', 'other.bin'])
      await unmount()
      await expectQuiet()
    })
  },
)
