import { randomInt } from 'node:crypto'
import { Agent, request } from 'node:http'

export interface Timed {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  body(): string
  /** Milliseconds that the asker wastes within the measured time: shows what would be found. @default none */
  readonly planted?: number
}

/** How a way differs from the first one: a normal score, by the Mann-Whitney test. */
export interface Comparison {
  readonly name: string
  readonly score: number
  /** Of the medians, in milliseconds. Only for a reader. */
  readonly difference: number
}

/** The times are not those of the same thing. The threshold is dudect's: chance has it once in 150,000. */
export const isTold = ({ score }: Comparison) => Math.abs(score) > 4.5

/**
 * Asks in each way as often, in an order that chance has made, and compares how long it took with how long the first one
 * did. No absolute time matters, and one order of all of them is as good as another: a machine that is slow, or busy for
 * a while, is it for all.
 */
export async function compareTimes(
  url: string,
  path: string,
  ways: readonly Timed[],
  samples: number,
  atOnce: number,
): Promise<Comparison[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const times: number[][] = ways.map(() => [])
  const order = shuffled(ways.flatMap((_, index) => new Array<number>(samples).fill(index)))
  const worker = async () => {
    for (let index = order.pop(); index !== undefined; index = order.pop())
      times[index]?.push(await timeOf(agent, url + path, ways[index] as Timed))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  agent.destroy()
  const [first = []] = times
  return ways.slice(1).map(({ name }, index) => {
    const other = times[index + 1] ?? []
    return { name, score: mannWhitney(first, other), difference: median(other) - median(first) }
  })
}

function timeOf(agent: Agent, url: string, { headers, body, planted = 0 }: Timed): Promise<number> {
  const text = body()
  return new Promise((resolve, reject) => {
    const start = performance.now()
    while (planted > 0 && performance.now() - start < planted);
    const length = Buffer.byteLength(text)
    const sent = { ...headers, 'content-type': 'application/json', 'content-length': length }
    const asked = request(url, { method: 'POST', agent, headers: sent }, (answer) => {
      answer.on('end', () => resolve(performance.now() - start)).resume()
      if (answer.statusCode !== 403) reject(new Error(`${answer.statusCode}`))
    })
    asked.on('error', reject).end(text)
  })
}

/** The normal score of the rank sum; equal times share their ranks. */
function mannWhitney(one: readonly number[], other: readonly number[]): number {
  const all = [...one.map((time) => ({ time, mine: true })), ...other.map((time) => ({ time, mine: false }))]
  all.sort((a, b) => a.time - b.time)
  const sum = all.reduce((ranks, { mine }, index) => ranks + (mine ? index + 1 : 0), 0)
  const [n, m] = [one.length, other.length]
  const mean = (n * (n + m + 1)) / 2
  return (mean - sum) / Math.sqrt((n * m * (n + m + 1)) / 12)
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

function shuffled(items: number[]): number[] {
  for (let index = items.length - 1; index > 0; index--) {
    const other = randomInt(index + 1)
    const [a, b] = [items[index] as number, items[other] as number]
    items[index] = b
    items[other] = a
  }
  return items
}
