import { mkdtempSync, statSync, utimesSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pngOf } from '../../../apps/gallery/src/png.ts'
import { errorsOf, frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle, until } from './stage.ts'
import {
  button,
  choose,
  MIB,
  type Opened,
  openForm,
  readFile,
  sample,
  tokensOf,
  untilTokens,
  wordsOf,
  writeLargeFile,
} from './upload-stage.ts'

const folder = mkdtempSync(join(tmpdir(), 'uploads-'))
let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(sdkBundle())
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  stage.app.login = 'login-1'
  stage.app.submissions.length = 0
  stage.line.mend()
})

/** Everything that the page is told over its ports, the ids of requests left out. */
async function overhear(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const told: string[] = []
    Reflect.set(window, 'told', told)
    const listen = MessagePort.prototype.addEventListener
    MessagePort.prototype.addEventListener = function (this: MessagePort, type: string, ...rest: unknown[]) {
      if (type === 'message') {
        const hear = (event: Event) => {
          const { id: _, ...message } = (event as MessageEvent).data
          told.push(JSON.stringify(message).replace(/lunasec-[0-9a-f-]+/g, 'TOKEN'))
        }
        Reflect.apply(listen, this, [type, hear])
      }
      return Reflect.apply(listen, this, [type, ...rest])
    } as typeof listen
  })
  return () =>
    page.evaluate(() =>
      (Reflect.get(window, 'told') as string[]).filter((text) => !text.includes('assertion')),
    )
}

/** Drops, or pastes, files into the document of the frame, as a user does; a list of lists at one stroke after the other. */
function bring({ frame }: Opened, how: 'drop' | 'paste', ...names: (string | string[])[]): Promise<void> {
  const strokes = names.every((each) => typeof each === 'string') ? [names] : names
  return frame.evaluate(
    (given) => {
      for (const stroke of given.strokes) {
        const data = new DataTransfer()
        for (const name of stroke)
          data.items.add(new File([`content of ${name}`], name as string, { type: 'text/plain' }))
        const about = { bubbles: true, cancelable: true }
        const event =
          given.how === 'drop'
            ? new DragEvent('drop', { ...about, dataTransfer: data })
            : new ClipboardEvent('paste', { ...about, clipboardData: data })
        document.body.dispatchEvent(event)
      }
    },
    { how, strokes },
  )
}

/** The larger ones say only that they are: nobody would want to have all their pixels. */
function png(width: number, height: number): Buffer {
  const rows = Buffer.alloc(Math.min(height, 100) * (width * 3 + 1))
  return Buffer.from(pngOf({ width, height }, 2, [], width > 1000 ? Buffer.alloc(100) : deflateSync(rows)))
}

describe('files', () => {
  test('one is uploaded, submitted, verified, and comes back with name and type', async () => {
    const opened = await openForm(stage, 'required')
    const { page } = opened
    await page.click('#save')
    expect(stage.app.submissions).toEqual([])
    await choose(opened, sample('Grüße "1".txt', 'the content'))
    const [token = ''] = await untilTokens(opened, 1)
    await page.click('#save')
    await page.waitForURL('**/submit')
    expect(stage.app.submissions[0]?.getAll('papers')).toEqual([token])
    await stage.client.grants.verify(stage.client.sid('login-1'), token)
    const { content, name, type } = await readFile(stage, token)
    expect([name, type, content.toString()]).toEqual(['Grüße "1".txt', 'text/plain', 'the content'])
  })

  test('several are chosen, dropped and pasted; the form has an entry for each, in their order', async () => {
    const opened = await openForm(stage, 'multiple')
    const { page } = opened
    await choose(opened, sample('a.txt', 'a'), sample('empty.txt', ''))
    await untilTokens(opened, 2)
    await bring(opened, 'drop', 'c.txt')
    await untilTokens(opened, 3)
    await bring(opened, 'paste', 'd.txt')
    const tokens = await untilTokens(opened, 4)
    await button(opened, 'Remove: a.txt').click()
    await until(() => tokensOf(opened)).toEqual(tokens.slice(1))
    await page.click('#save')
    await page.waitForURL('**/submit')
    expect(stage.app.submissions[0]?.getAll('papers')).toEqual(tokens.slice(1))
    const read = await Promise.all(tokens.map((token) => readFile(stage, token)))
    expect(read.map(({ name, content }) => [name, content.toString()])).toEqual([
      ['a.txt', 'a'],
      ['empty.txt', ''],
      ['c.txt', 'content of c.txt'],
      ['d.txt', 'content of d.txt'],
    ])
  })

  test('without multiple another file takes the place of the first; an empty field is submitted as an empty text', async () => {
    const opened = await openForm(stage)
    await choose(opened, sample('a.txt', 'a'))
    const [first] = await untilTokens(opened, 1)
    await bring(opened, 'drop', 'b.txt', 'c.txt')
    await until(async () => (await tokensOf(opened))[0] !== first && (await tokensOf(opened)).length).toBe(1)
    expect(await opened.frame.getByRole('alert').innerText()).toContain('no more than 1')
    await button(opened, /^Remove/).click()
    await until(() => tokensOf(opened)).toEqual([])
    await opened.page.click('#save')
    await opened.page.waitForURL('**/submit')
    expect(stage.app.submissions[0]?.getAll('papers')).toEqual([''])
  })

  test('stored ones are listed without a name, kept, and can be removed', async () => {
    const token = await stage.client.tokenize(stage.client.sid('login-1'), 'stored')
    const opened = await openForm(stage, `multiple token="${token}"`)
    await button(opened, 'Remove: Stored file').waitFor()
    await choose(opened, sample('new.txt', 'new'))
    const tokens = await untilTokens(opened, 2)
    expect(tokens[0]).toBe(token)
    await button(opened, 'Remove: Stored file').click()
    await until(() => tokensOf(opened)).toEqual(tokens.slice(1))
  })
})

describe('what is refused is said, and everything else goes on:', () => {
  test.each([
    ['accept=".pdf, image/*"', sample('a.txt', 'x'), 'only .pdf, image/* can be uploaded'],
    ['maxsize="1500"', sample('large.txt', 'x'.repeat(1501)), 'it has 2 kB, and 2 kB is the limit'],
    ['maxfiles="1"', sample('second.txt', 'x'), 'no more than 1 files'],
  ])('%s', async (attributes, file, words) => {
    const opened = await openForm(stage, `multiple ${attributes}`)
    await choose(opened, sample('fine.pdf', 'fine'), file)
    await untilTokens(opened, 1)
    expect(await opened.frame.getByRole('alert').innerText()).toContain(words)
    expect(await opened.frame.locator('li').count()).toBe(1)
  })

  test('rules of a hostile page are read by a grammar, and what is none has no effect', async () => {
    const opened = await openForm(stage, `accept='"><img src=x>, */*, .a/b, text/html;x=1, .txt'`)
    expect(await opened.frame.locator('input[type=file]').getAttribute('accept')).toBe('.txt')
  })
})

test('a hostile name is text, keeps its direction to itself, and hides nothing', async () => {
  const opened = await openForm(stage, 'multiple accept=".txt"')
  await bring(opened, 'drop', '<img src=x onerror=alert(1)>.txt', 'evil\u202etxt.exe', 'gpj\u202e\u0007.txt')
  await untilTokens(opened, 2)
  const { frame } = opened
  expect(await frame.locator('body img, body script').count()).toBe(0)
  const names = await frame.locator('li bdi').allTextContents()
  expect(names).toEqual(['_img src=x onerror=alert(1)_.txt', 'gpj__.txt'])
  expect(await frame.getByRole('alert').textContent()).toContain('\u2068evil_txt.exe\u2069')
})

test('pictures are painted; what is no picture, or is too large a one, is not even decoded', async () => {
  const opened = await openForm(stage, 'multiple')
  const { frame } = opened
  await frame.evaluate(() => {
    const counts = { decoded: 0, closed: 0, urls: 0 }
    Reflect.set(window, 'counts', counts)
    const decode = window.createImageBitmap.bind(window)
    window.createImageBitmap = ((...given: Parameters<typeof decode>) => {
      counts.decoded += 1
      return decode(...given)
    }) as typeof window.createImageBitmap
    const close = ImageBitmap.prototype.close
    ImageBitmap.prototype.close = function () {
      counts.closed += 1
      close.call(this)
    }
    URL.createObjectURL = () => {
      counts.urls += 1
      return ''
    }
  })
  await choose(
    opened,
    sample('a.png', png(300, 100), 'image/png'),
    sample(
      'b.svg',
      '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)" width="9" height="9"/>',
      'image/svg+xml',
    ),
    sample('c.png', png(60_000, 60_000), 'image/png'),
    sample('d.html', '<script>alert(1)</script>', 'text/html'),
  )
  await untilTokens(opened, 4)
  await frame.locator('li:nth-child(1) canvas').waitFor()
  expect(await frame.locator('canvas').count()).toBe(1)
  expect(await frame.evaluate(() => Reflect.get(window, 'counts'))).toEqual({
    decoded: 1,
    closed: 1,
    urls: 0,
  })
})

test('the page hears the same of every file: neither name, size, type nor content', async () => {
  let said: string[] | null = null
  for (const file of [
    sample('a.txt', 'x'),
    sample('a longer name with a secret.pdf', Buffer.alloc(200_000, 'secret'), 'application/pdf'),
  ]) {
    const opened = await openForm(stage)
    const told = await overhear(opened.page)
    await opened.page.reload()
    const again = { page: opened.page, frame: await frameOf(opened.page, '#f') }
    await choose(again, file)
    await untilTokens(again, 1)
    const heard = await told()
    expect(heard.join('\n')).not.toMatch(/secret|pdf|200000/)
    expect(heard).toContain('{"type":"state","fill":"incomplete","focused":false}')
    said ??= heard
    expect(heard).toEqual(said)
  }
})

describe('a large file', () => {
  const path = join(folder, 'large.bin')
  const bytes = 34 * MIB
  let hash = ''
  beforeAll(() => {
    hash = writeLargeFile(path, bytes)
  })

  test('arrives whole when the network is cut three times, and the form waits for it', async () => {
    const opened = await openForm(stage)
    const { page } = opened
    const before = stage.line.cuts()
    for (const mib of [8, 18, 28]) stage.line.cutAfter(mib * MIB, 150)
    await choose(opened, path)
    await until(async () => (await wordsOf(opened)).join()).toMatch(/Connection lost/)
    await page.click('#save')
    expect(await page.evaluate(() => document.querySelector('form')?.checkValidity())).toBe(false)
    await page.evaluate(() => {
      const form = document.querySelector('form') as HTMLFormElement
      form.noValidate = true
      form.requestSubmit()
    })
    await until(() => errorsOf(page)).toEqual(['papers:busy'])
    expect(stage.app.submissions).toEqual([])
    const [token = ''] = await untilTokens(opened, 1)
    expect(stage.line.cuts() - before).toBe(3)
    const { content: _, ...read } = await readFile(stage, token)
    expect(read).toEqual({ name: 'large.bin', type: 'application/octet-stream', contentLength: bytes, hash })
  })

  test('is paused, goes on, and is cancelled', async () => {
    const opened = await openForm(stage)
    stage.line.hold()
    await choose(opened, path)
    await button(opened, 'Pause: large.bin').click()
    await until(async () => (await wordsOf(opened))[0]).toMatch(/^Paused/)
    stage.line.mend()
    const sent = stage.line.sent()
    await opened.page.waitForTimeout(100)
    expect(stage.line.sent() - sent).toBeLessThan(8 * MIB)
    expect(await tokensOf(opened)).toEqual([])
    stage.line.hold()
    await button(opened, 'Resume: large.bin').click()
    await button(opened, 'Pause: large.bin').waitFor()
    const aborted = opened.page.waitForRequest('**/upload/abort')
    await button(opened, 'Cancel: large.bin').click()
    await aborted
    expect(await opened.frame.locator('li').count()).toBe(0)
    expect(await opened.frame.evaluate(() => document.activeElement?.textContent)).toBe('Choose a file')
  })
})

test('everything is reached by keyboard, and has a name', async () => {
  const opened = await openForm(stage, 'multiple')
  const { page, frame } = opened
  // Asked for first: the browser has to be told that there is somebody for its dialog.
  const chooser = page.waitForEvent('filechooser')
  await page.focus('#f')
  await page.locator('#f:state(focused)').waitFor()
  await page.keyboard.press('Enter')
  await (await chooser).setFiles(sample('one.txt', '1') as never)
  await untilTokens(opened, 1)
  await page.keyboard.press('Tab')
  await until(() => frame.evaluate(() => document.activeElement?.ariaLabel)).toBe('Remove: one.txt')
  await until(() => frame.getByRole('status').textContent()).toBe('\u2068one.txt\u2069 has been uploaded.')
  await page.keyboard.press('Enter')
  await until(() => tokensOf(opened)).toEqual([])
  expect(await frame.evaluate(() => document.activeElement?.textContent)).toBe('Choose files')
  expect(await frame.getByRole('group', { name: 'Papers' }).count()).toBe(1)
})

describe('after a reload, encrypted end to end,', () => {
  const path = join(folder, 'interrupted.bin')
  const bytes = 34 * MIB
  let sealed: RealStage
  let hash = ''
  beforeAll(async () => {
    hash = writeLargeFile(path, bytes, 'interrupted')
    sealed = await startRealStage(sdkBundle(), 'require-end-to-end')
  })
  afterAll(() => sealed[Symbol.asyncDispose]())

  /** Parts have arrived, and then the page was loaded anew. */
  async function interrupt(): Promise<Opened> {
    const opened = await openForm(sealed)
    const { page } = opened
    sealed.line.cutAfter(28 * MIB)
    await choose(opened, path)
    await until(async () => (await wordsOf(opened)).join(), 60_000).toMatch(/Connection lost/)
    await page.reload()
    sealed.line.mend()
    const again = { page, frame: await frameOf(page, '#f') }
    await again.frame.getByText('was interrupted').waitFor()
    return again
  }

  test('the same file goes on where it was; and what was kept tells nothing of it', async () => {
    const opened = await interrupt()
    const kept = await opened.frame.evaluate(readKept)
    expect(kept).toContain('"key"')
    expect(kept).not.toMatch(/interrupted\.bin|octet|KEY IN CLEAR/)
    // While the first is compared with what was interrupted the second comes: it takes its place all the same.
    await bring(opened, 'drop', ['one.txt'], ['two.txt'])
    await button(opened, 'Remove: two.txt').click()
    await until(() => opened.frame.locator('li').count()).toBe(0)
    expect(await tokensOf(opened)).toEqual([])
    const sent = sealed.line.sent()
    await choose(opened, path)
    const [token = ''] = await untilTokens(opened, 1)
    expect(sealed.line.sent() - sent).toBeLessThan(33 * MIB)
    expect((await readFile(sealed, token)).hash).toBe(hash)
    expect(await opened.frame.evaluate(readKept)).toBe('')
  })

  test('a file that only looks the same is sent anew: never is one nonce used for two contents', async () => {
    const opened = await interrupt()
    const { atime, mtime } = statSync(path)
    const other = writeLargeFile(path, bytes, 'another content')
    utimesSync(path, atime, mtime)
    await choose(opened, path)
    const [token = ''] = await untilTokens(opened, 1)
    expect((await readFile(sealed, token)).hash).toBe(other)
  })
})

test('a logout, from whatever frame, ends an upload and forgets what was kept of it', async () => {
  const path = join(folder, 'left.bin')
  writeLargeFile(path, 17 * MIB)
  const opened = await openForm(stage)
  const { page } = opened
  stage.line.hold()
  await choose(opened, path)
  await until(() => opened.frame.evaluate(readKept)).toContain('lunasec-')
  await page.evaluate(() => Reflect.get(window, 'sdk').logout())
  expect(await tokensOf(opened)).toEqual([])
  expect(await errorsOf(page)).toEqual([])
  await page.reload()
  const again = await frameOf(page, '#f')
  await again.getByRole('button', { name: 'Choose a file' }).waitFor()
  await until(() => again.evaluate(readKept)).toBe('')
})

/** What the frame keeps, in words; keys as what they are and whether they can be read. Runs in the frame. */
async function readKept(): Promise<string> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open('lunadefend/shop/uploads')
    request.onupgradeneeded = () => request.result.createObjectStore('uploads')
    request.onsuccess = () => resolve(request.result)
  })
  const all = await new Promise<unknown[]>((resolve) => {
    const request = database.transaction('uploads').objectStore('uploads').getAll()
    request.onsuccess = () => resolve(request.result)
  })
  database.close()
  const text = (_: string, value: unknown): unknown => {
    if (value instanceof CryptoKey) return value.extractable ? 'KEY IN CLEAR' : 'key'
    return value instanceof Map ? [...value] : value
  }
  return all.map((each) => JSON.stringify(each, text)).join()
}
