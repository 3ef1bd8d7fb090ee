import { describe, expect, test } from 'vitest'
import { type Machine, plan } from '../../tools/install-radosgw.ts'
import { missingPrograms } from '../../tools/radosgw.ts'

describe('what to do about the Ceph gateway', () => {
  const bare: Machine = { missing: ['radosgw'], wish: undefined, hasApt: true, isRoot: true }

  test('nothing, where it is', () => {
    expect(plan({ ...bare, missing: [], hasApt: false, isRoot: false })).toEqual({ kind: 'present' })
  })

  test('install it, where apt may', () => {
    const todo = plan(bare)
    const commands = todo.kind === 'install' ? todo.commands : []
    expect(commands.map((words) => words.filter((word) => !/^-|=/.test(word)))).toEqual([
      ['apt-get', 'update'],
      ['apt-get', 'install', 'radosgw', 'ceph-mon', 'ceph-osd', 'ceph-common'],
    ])
  })

  test.each([
    ['there is no apt', { ...bare, hasApt: false }, 'apt-get'],
    ['it takes root', { ...bare, isRoot: false }, 'root'],
    ['somebody said so', { ...bare, missing: [], wish: 'skip' }, 'LUNADEFEND_RADOSGW=skip'],
  ])('go without and say why, where %s', (_, machine, why) => {
    const todo = plan(machine)
    expect(todo.kind === 'skip' ? todo.why : '').toContain(why)
  })

  test('programs are looked for in PATH', async () => {
    expect(await missingPrograms(['sh', 'no-such-program-anywhere'])).toEqual(['no-such-program-anywhere'])
  })
})
