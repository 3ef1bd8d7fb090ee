/** One root key and where it is. `kid`, where given, must be what is derived from the key that is found there. */
export type RootKeyEntry =
  | FileEntry
  | EnvironmentEntry
  | SecretFileEntry
  | Pkcs11Entry
  | KmsMacEntry
  | KmsDataKeyEntry
  | VaultEntry

interface Named {
  readonly kid?: string
}

/** What has to be said for a root key that lies on a disk of the machine that also reaches the objects. */
export const KEY_ON_THIS_HOST = 'I accept that whoever copies this disk holds the root key'

interface OnThisHost {
  readonly allowKeyOnThisHost?: typeof KEY_ON_THIS_HOST
}

/** A file of mode 0600 that belongs to this process's user. In production it needs `allowKeyOnThisHost`. */
export interface FileEntry extends Named, OnThisHost {
  readonly provider: 'file'
  readonly path: string
}

/** The line of a key file in an environment variable, which is removed when it has been read. */
export interface EnvironmentEntry extends Named {
  readonly provider: 'env'
  readonly variable: string
}

/**
 * The line of a key file as an orchestrator hands it in, such as /run/secrets/root-key. In production it lies in memory
 * (tmpfs, ramfs), or needs `allowKeyOnThisHost`.
 */
export interface SecretFileEntry extends Named, OnThisHost {
  readonly provider: 'secret-file'
  readonly path: string
}

/** A secret key in an HSM, used through its PKCS#11 library. */
export interface Pkcs11Entry extends Named {
  readonly provider: 'pkcs11'
  /** The HSM's library, such as /usr/lib/softhsm/libsofthsm2.so. */
  readonly library: string
  /** CKA_LABEL of the token. */
  readonly token: string
  /** CKA_LABEL of the key. */
  readonly key: string
  readonly pin: SecretSource
}

/** Where a secret of one line is: in a file, or in an environment variable, which is removed when it has been read. */
export type SecretSource = { readonly file: string } | { readonly variable: string }

interface Kms extends Named {
  readonly provider: 'aws-kms'
  /** ARN, id or alias of the KMS key. */
  readonly keyId: string
  /** @default what the AWS default chain says */
  readonly region?: string
  /** For a VPC endpoint. @default the region's */
  readonly endpoint?: string
}

/** A KMS key of the spec HMAC_256, which never leaves KMS: each use is a call. */
export interface KmsMacEntry extends Kms {
  readonly mode: 'generate-mac'
}

/** 32 bytes that KMS has encrypted, decrypted once, at start. From then on the key is in this process's memory. */
export interface KmsDataKeyEntry extends Kms {
  readonly mode: 'decrypt-at-boot'
  /** CiphertextBlob of GenerateDataKeyWithoutPlaintext, base64. */
  readonly ciphertext: string
  /** The encryption context it was made with; KMS refuses any other. */
  readonly encryptionContext: Readonly<Record<string, string>>
}

/** A key of Vault's or OpenBao's transit engine, which never leaves it: each use is a call. */
export interface VaultEntry extends Named {
  readonly provider: 'vault-transit'
  /** Such as https://vault.example.com:8200. Plain HTTP only to a loopback address. */
  readonly address: string
  /** @default 'transit' */
  readonly mount?: string
  readonly key: string
  /** The version of the key, pinned: another version is another root key. */
  readonly version: number
  /** Read again at each call, so that an agent can renew it. */
  readonly tokenFile: string
  readonly namespace?: string
  /** PEM file of the authority that signs the server's certificate. @default those that Node trusts */
  readonly caFile?: string
}
