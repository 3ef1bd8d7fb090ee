import { parseArgs } from 'node:util'
import type { Answer, Asked, Command, Options } from './command.ts'
import { EXIT, type Explained, explain, usageFailure } from './failure.ts'
import { didYouMean } from './nearest.ts'
import { usage, usageOf } from './usage.ts'
import { type World, write } from './world.ts'

const COMMON = {
  json: { kind: 'flag', says: 'an answer for programs' },
  help: { kind: 'flag', says: 'shows what the command wants' },
} as const satisfies Options

/** Runs what the command line asks for. Answers the exit code; never rejects. */
export async function run(
  args: readonly string[],
  commands: readonly Command[],
  world: World,
): Promise<number> {
  const json = args.includes('--json')
  try {
    return await obey(args, commands, world)
  } catch (error) {
    const explained = explain(error)
    await write(world.errors, `${json ? failureAsJson(explained) : failureAsText(explained)}\n`)
    return explained.exit
  }
}

async function obey(args: readonly string[], commands: readonly Command[], world: World): Promise<number> {
  const [first] = args
  if (first === undefined || first === 'help' || first === '--help') {
    await write(world.output, `${usage(commands)}\n`)
    return first === undefined ? EXIT.usage : EXIT.good
  }
  const command = find(args, commands)
  const asked = understand(command, args.slice(command.words.split(' ').length))
  if (asked === 'help') {
    await write(world.output, `${usageOf(command)}\n`)
    return EXIT.good
  }
  const answer = await command.run(asked, world)
  return answer === null ? EXIT.good : await say(answer, asked.json, world)
}

async function say({ isGood, json, text }: Answer, asJson: boolean, world: World): Promise<number> {
  await write(world.output, `${asJson ? JSON.stringify(json) : text}\n`)
  return isGood ? EXIT.good : EXIT.bad
}

/** The longest name that the line begins with. */
function find(args: readonly string[], commands: readonly Command[]): Command {
  const matches = commands.filter(({ words }) =>
    words.split(' ').every((word, index) => word === args[index]),
  )
  const [command] = matches.toSorted((a, b) => b.words.length - a.words.length)
  if (command !== undefined) return command
  const firstOption = args.findIndex((arg) => arg.startsWith('-'))
  const said = args.slice(0, firstOption < 0 ? 2 : Math.min(2, firstOption)).join(' ')
  const group = commands.map(({ words }) => words).filter((words) => words.startsWith(`${args[0]} `))
  const hint = group.length > 0 ? ` There is: ${group.join(', ')}.` : ''
  const near =
    hint ||
    didYouMean(
      said,
      commands.map(({ words }) => words),
    )
  throw usageFailure(`There is no command "${said}".${near} See: lunadefend help`)
}

function understand(command: Command, args: readonly string[]): Asked<Options> | 'help' {
  const options: Options = { ...command.options, ...COMMON }
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(Object.entries(options).map(([name, { kind }]) => [name, asParsed(kind)])),
  })
  if (values['help'] === true) return 'help'
  for (const token of tokens) if (token.kind === 'option') refuseStrange(command, options, token)
  refuseCount(command, positionals)
  return { options: given(options, values), operands: positionals, json: values['json'] === true }
}

function asParsed(kind: Options[string]['kind']) {
  return { type: kind === 'flag' ? 'boolean' : 'string', multiple: kind === 'texts' } as const
}

function refuseStrange(
  command: Command,
  options: Options,
  token: { readonly name: string; readonly rawName: string; readonly value: string | undefined },
): void {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined
  const see = `See: lunadefend ${command.words} --help`
  if (option === undefined) {
    const near = didYouMean(
      token.rawName,
      Object.keys(options).map((name) => `--${name}`),
    )
    throw usageFailure(`"${command.words}" has no ${token.rawName}.${near} ${see}`)
  }
  if (option.kind === 'flag' && token.value !== undefined)
    throw usageFailure(`${token.rawName} stands alone, it takes no value. ${see}`)
  // `--out --json`: the value was forgotten, not called "--json".
  if (option.kind !== 'flag' && (token.value === undefined || token.value.startsWith('--')))
    throw usageFailure(`${token.rawName} needs a value: ${token.rawName} ${option.value ?? '<text>'}. ${see}`)
}

function refuseCount({ words, operands }: Command, found: readonly string[]): void {
  const least = operands.filter((operand) => operand.startsWith('<')).length
  const most = operands.some((operand) => operand.includes('…')) ? Number.POSITIVE_INFINITY : operands.length
  if (found.length >= least && found.length <= most) return
  const wanted = operands.length === 0 ? 'nothing beside its options' : operands.join(' ')
  throw usageFailure(
    `"${words}" wants ${wanted}, and was given ${found.length === 0 ? 'nothing' : found.length}.`,
  )
}

function given(options: Options, values: Readonly<Record<string, unknown>>): Asked<Options>['options'] {
  const missing = { flag: false, text: null, texts: [] } as const
  const entries = Object.entries(options).map(([name, { kind }]) => [name, values[name] ?? missing[kind]])
  return Object.fromEntries(entries) as Asked<Options>['options']
}

function failureAsText({ message }: Explained): string {
  return `lunadefend: ${message}`
}

function failureAsJson({ code, message }: Explained): string {
  return JSON.stringify({ error: { code, message } })
}
