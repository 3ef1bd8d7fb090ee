import { readFile, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Font, fontProblem } from '@lunadefend/secure-frame/assets'
import { ConfigError } from './config.ts'
import type { FrameSettings } from './config-frame.ts'

/** Reads and checks every font that the settings name. Rejects with ConfigError, which names all that are wrong. */
export async function readFonts(settings: FrameSettings | undefined): Promise<Font[]> {
  if (settings === undefined) return []
  const { fontFolder, fonts } = settings
  const read = fonts.flatMap(({ family, files }, index) =>
    files.map(({ file, ...about }, number) => {
      const path = `/frame/fonts/${index}/files/${number}`
      return readFont({ family, ...about }, join(fontFolder, file)).then((found) =>
        typeof found === 'string' ? `${path} ${found}` : found,
      )
    }),
  )
  const found = await Promise.all(read)
  const problems = found.filter((each) => typeof each === 'string')
  if (problems.length > 0) throw new ConfigError(problems)
  return found.filter((each) => typeof each !== 'string')
}

/** @returns the font, or what is wrong with it */
async function readFont(about: Omit<Font, 'body'>, path: string): Promise<Font | string> {
  const body = await readInside(path).catch(() => 'file cannot be read')
  if (typeof body === 'string') return body
  const font = { ...about, body }
  return fontProblem(font) ?? font
}

/** A link may lead to another name in its folder, and nowhere else: what is served here, everybody may read. */
async function readInside(path: string): Promise<Uint8Array | string> {
  const [file, folder] = await Promise.all([realpath(path), realpath(dirname(path))])
  if (!file.startsWith(join(folder, '/'))) return 'file leads out of fontFolder'
  return readFile(file)
}
