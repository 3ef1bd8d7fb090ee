import { describe, expect, test } from 'vitest'
import { findLoosePackages } from '../../tools/check-packages.ts'
import { tree } from './tree.ts'

const HASH = 'sha512-AAAA'
const root = { dependencies: { jose: '6.2.17' } }
const locked = { 'node_modules/jose': { version: '6.2.17', integrity: HASH } }

function found(manifests: Readonly<Record<string, object>>, packages: object = locked): string[] {
  const texts = Object.entries({ 'package.json': root, ...manifests }).map(([file, value]) => [
    file,
    JSON.stringify(value, null, 2),
  ])
  const lock = JSON.stringify({ packages: { '': {}, 'packages/a': {}, ...packages } }, null, 2)
  const files = findLoosePackages(tree({ ...Object.fromEntries(texts), 'package-lock.json': lock }))
  return files.map(({ file, line }) => `${file}:${line}`)
}

describe('versions', () => {
  test.each([
    '^6.2.17',
    '~6.2.17',
    '>=6',
    '6',
    '6.2',
    '*',
    'latest',
    'workspace:*',
    'github:a/b',
    'file:../a',
    'npm:pg@^8.0.0',
    '',
  ])('%s is not one version', (version) => {
    expect(found({ 'packages/a/package.json': { dependencies: { pg: version } } })).toEqual([
      'packages/a/package.json:3',
    ])
  })

  test.each(['dependencies', 'devDependencies', 'optionalDependencies'])('%s are looked at', (kind) => {
    expect(found({ 'apps/b/package.json': { [kind]: { pg: '^8.0.0' } } })).toEqual(['apps/b/package.json:3'])
  })

  test('the same package in two versions', () => {
    expect(found({ 'packages/a/package.json': { devDependencies: { jose: '6.2.16' } } })).toEqual([
      'packages/a/package.json:3',
    ])
  })

  test('exact versions and ranges of peers are fine', () => {
    const manifest = {
      dependencies: { jose: '6.2.17', pg: '8.0.0-beta.1', old: 'npm:@a/pg@7.0.0' },
      peerDependencies: { react: '>=18' },
    }
    expect(found({ 'packages/a/package.json': manifest })).toEqual([])
  })
})

describe('the lock file', () => {
  test('a package that names the place it came from', () => {
    const resolved = 'https://packages.example/jose.tgz'
    expect(found({}, { 'node_modules/jose': { resolved, integrity: HASH } })).toEqual(['package-lock.json:5'])
  })

  test('a package without a hash, also deep inside', () => {
    const packages = { ...locked, 'packages/a/node_modules/pg': { version: '8.0.0' } }
    expect(found({}, packages)).toEqual(['package-lock.json:9'])
  })

  test('a link to a package of our own is fine', () => {
    expect(found({}, { 'node_modules/@lunadefend/a': { resolved: 'packages/a', link: true } })).toEqual([])
  })
})
