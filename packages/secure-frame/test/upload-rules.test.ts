import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { translationsOf } from '../src/assets/texts.ts'
import { sizeIn, timeIn } from '../src/frame/amounts.ts'
import { imageSizeOf } from '../src/frame/image-size.ts'
import { measurePace } from '../src/frame/pace.ts'
import { takeTexts } from '../src/frame/texts.ts'
import { readFileRules } from '../src/frame/upload-rules.ts'
import { say } from '../src/frame/upload-words.ts'

const file = (name: string, type = '', size = 1) => ({ name, type, size }) as File

describe('which files are taken', () => {
  test.each([
    ['', 'a.exe', '', null],
    ['.pdf', 'a.PDF', '', null],
    ['.pdf', 'a.pdf.exe', 'application/pdf', 'type'],
    ['image/*', 'a', 'image/PNG', null],
    ['image/*', 'a', 'imagery/png', 'type'],
    ['application/pdf, .txt', 'a.txt', 'text/plain', null],
    ['application/pdf', 'a', 'application/pdfx', 'type'],
    ['.*', 'a.exe', '', null],
  ] as const)('accept %j: %j of type %j', (accept, name, type, refusal) => {
    expect(readFileRules({ accept }).refuse(file(name, type), 0)).toBe(refusal)
  })

  test.each([
    [{ maxBytes: 10 }, 10, 0, null],
    [{ maxBytes: 10 }, 11, 0, 'size'],
    [{ maxBytes: Number.MAX_SAFE_INTEGER }, 5 * 1024 ** 4, 0, 'size'],
    [{ multiple: true, maxFiles: 2 }, 1, 1, null],
    [{ multiple: true, maxFiles: 2 }, 1, 2, 'count'],
    [{ multiple: true, maxFiles: 1_000_000 }, 1, 100, 'count'],
    [{ maxFiles: 5 }, 1, 1, 'count'],
  ] as const)('%j: a file of %i bytes beside %i', (rules, size, others, refusal) => {
    expect(readFileRules(rules).refuse(file('a', '', size), others)).toBe(refusal)
  })

  test('what a page writes into accept reaches the browser as kinds of files, and as nothing else', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (accept) => {
        const kinds = readFileRules({ accept }).accept
        expect(kinds).not.toMatch(/[\s"'<>;=()]/)
        expect(readFileRules({ accept: kinds }).accept).toBe(kinds)
      }),
    )
  })
})

describe('the size of a picture', () => {
  const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  test.each([
    ['PNG', '89504e470d0a1a0a 0000000d 49484452 00000bb8 000007d0 0802000000', 3000, 2000],
    ['GIF', '474946383961 b80b d007 0000', 3000, 2000],
    ['JPEG', 'ffd8 ffe0 0006 00000000 ffc4 0004 0000 ffc2 0011 08 07d0 0bb8 03', 3000, 2000],
    ['WebP, lossy', '52494646 00000000 57454250 56503820 00000000 000000 9d012a b80b d007', 3000, 2000],
    ['WebP, lossless', '52494646 00000000 57454250 5650384c 00000000 2f b7cbf301', 3000, 2000],
    ['WebP, extended', '52494646 00000000 57454250 56503858 0a000000 00000000 b70b00 cf0700', 3000, 2000],
  ])('%s', (_, hex, width, height) => {
    expect(imageSizeOf(bytes(hex))).toEqual({ width, height })
  })

  test('of anything else there is none, and nothing is thrown', () => {
    for (const text of [
      '<svg xmlns="http://www.w3.org/2000/svg" width="9"/>',
      '<html>',
      '',
      'ÿØ',
      '%PDF-1.7',
    ])
      expect(imageSizeOf(new TextEncoder().encode(text))).toBeNull()
    const starts = ['89504e47', '47494638', '52494646', 'ffd8ff'].map((hex) => Buffer.from(hex, 'hex'))
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 60 }), (start, rest) => {
        const size = imageSizeOf(Uint8Array.from([...start, ...rest]))
        expect(size === null || size.width >= 0).toBe(true)
      }),
    )
  })
})

test('a speed follows what happens, and a break is no slowness', () => {
  const pace = measurePace()
  expect(pace.speed()).toBe(0)
  for (let step = 0; step <= 10; step += 1) pace.reached(step * 1000, step * 1000)
  expect(pace.speed()).toBeCloseTo(1000)
  for (let step = 1; step <= 60; step += 1) pace.reached(10_000 + step * 5000, 10_000 + step * 1000)
  expect(pace.speed()).toBeGreaterThan(4900)
  pace.restart()
  pace.reached(400_000, 900_000)
  expect(pace.speed()).toBe(0)
  pace.reached(402_000, 901_000)
  expect(pace.speed()).toBeCloseTo(2000)
})

describe('what is said', () => {
  test('sizes and times are in the language of the page; one that is none is no error', () => {
    expect(sizeIn(0, 'en')).toBe('0 bytes')
    expect(sizeIn(1_500_000, 'de')).toBe('1,5 MB')
    expect(sizeIn(5 * 1024 ** 3, 'en')).toBe('5.4 GB')
    expect(timeIn(1, 'en')).toBe('1 second')
    expect(timeIn(100, 'fr')).toMatch(/^2.minutes$/)
    expect(timeIn(8000, 'en')).toBe('3 hours')
    expect(sizeIn(5, 'no language at all')).toContain('5')
  })

  test('a place is filled once: a name that looks like a place stays a name', () => {
    takeTexts(translationsOf('upload').en)
    const words = say('refusedCount', { name: '{limit} $& {name}', limit: '3' })
    expect(words).toBe('“{limit} $& {name}” was not added: no more than 3 files can be uploaded here.')
  })
})
