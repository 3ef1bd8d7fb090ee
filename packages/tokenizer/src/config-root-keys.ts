import Type from 'typebox'
import { closed, Origin, Text, Variable } from './config-texts.ts'

const named = { kid: Type.Optional(Type.String({ pattern: '^r[0-9a-f]{16}$' })) }
const onThisHost = {
  allowKeyOnThisHost: Type.Optional(
    Type.Literal('I accept that whoever copies this disk holds the root key'),
  ),
}

const File = Type.Object({ provider: Type.Literal('file'), path: Text, ...named, ...onThisHost }, closed)
const Environment = Type.Object({ provider: Type.Literal('env'), variable: Variable, ...named }, closed)
const SecretFile = Type.Object(
  { provider: Type.Literal('secret-file'), path: Text, ...named, ...onThisHost },
  closed,
)

const Pkcs11 = Type.Object(
  {
    provider: Type.Literal('pkcs11'),
    library: Text,
    token: Type.String({ minLength: 1, maxLength: 32 }),
    key: Text,
    pin: Type.Union([Type.Object({ file: Text }, closed), Type.Object({ variable: Variable }, closed)]),
    ...named,
  },
  closed,
)

const kms = {
  provider: Type.Literal('aws-kms'),
  keyId: Text,
  region: Type.Optional(Text),
  endpoint: Type.Optional(Origin),
  ...named,
}
const KmsMac = Type.Object({ ...kms, mode: Type.Literal('generate-mac') }, closed)
const KmsDataKey = Type.Object(
  {
    ...kms,
    mode: Type.Literal('decrypt-at-boot'),
    ciphertext: Type.String({ pattern: '^[A-Za-z0-9+/]+={0,2}$', maxLength: 8192 }),
    encryptionContext: Type.Record(Type.String(), Text, { minProperties: 1 }),
  },
  closed,
)

const Vault = Type.Object(
  {
    provider: Type.Literal('vault-transit'),
    address: Type.String({
      pattern: '^(?:https://[^/?#\\s]+|http://(?:localhost|127\\.0\\.0\\.1|\\[::1\\])(?::\\d+)?)$',
      description: 'https://host[:port]; plain HTTP only to this machine',
    }),
    mount: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*$' })),
    key: Type.String({ pattern: '^[A-Za-z0-9_.-]+$' }),
    version: Type.Integer({ minimum: 1 }),
    tokenFile: Text,
    namespace: Type.Optional(Text),
    caFile: Type.Optional(Text),
    ...named,
  },
  closed,
)

/** Where each root key is. What each setting means: `RootKeyEntry` of `@lunadefend/stores/root-keys`. */
export const RootKeys = Type.Array(
  Type.Union([File, Environment, SecretFile, Pkcs11, KmsMac, KmsDataKey, Vault]),
  { minItems: 1, maxItems: 8 },
)
