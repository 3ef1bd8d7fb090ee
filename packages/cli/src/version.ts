import { readFileSync } from 'node:fs'
import { command } from './command.ts'

export const version = command({
  words: 'version',
  does: 'says which version of LunaDefend and of Node.js this is',
  operands: [],
  options: {},
  async run() {
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
    const { version: own } = JSON.parse(manifest) as { version: string }
    const json = { lunadefend: own, node: process.versions.node }
    return { isGood: true, json, text: `lunadefend ${json.lunadefend}, Node.js ${json.node}` }
  },
})
