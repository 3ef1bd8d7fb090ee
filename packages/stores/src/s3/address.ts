/** Where a bucket is. */
export interface BucketAddress {
  readonly region: string
  readonly bucket: string
  /** The bucket is the first part of the path, or of the host. */
  readonly addressing: 'path' | 'virtual-host'
  /** Where the Tokenizer reaches the store: scheme, host and port. @default AWS S3 in that region */
  readonly endpoint?: string | undefined
  /** Where browsers reach it; goes into the presigned URLs. @default endpoint */
  readonly publicEndpoint?: string | undefined
}

/** An endpoint and the way from there to an object. */
export interface Place {
  readonly origin: string
  readonly host: string
  /** Not encoded. `''` is the bucket itself. */
  pathOf(objectKey: string): string
}

/** For the requests of this process. */
export function ownPlace(address: BucketAddress): Place {
  return placeAt(address, address.endpoint ?? endpointOfAws(address.region))
}

/** For the URLs that are given to browsers. */
export function publicPlace(address: BucketAddress): Place {
  const endpoint = address.publicEndpoint ?? address.endpoint
  return placeAt(address, endpoint ?? endpointOfAws(address.region))
}

/** Whether AWS itself is there, with all that only AWS has. */
export function isAws(address: BucketAddress): boolean {
  return /\.amazonaws\.com(?:\.cn)?(?::\d+)?$/.test(ownPlace(address).host)
}

/** https://docs.aws.amazon.com/general/latest/gr/s3.html */
function endpointOfAws(region: string): string {
  return `https://s3.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}`
}

function placeAt({ addressing, bucket }: BucketAddress, endpoint: string): Place {
  const url = new URL(endpoint)
  switch (addressing) {
    case 'path':
      return {
        origin: url.origin,
        host: url.host,
        pathOf: (objectKey) => `/${bucket}${objectKey && '/'}${objectKey}`,
      }
    case 'virtual-host':
      url.hostname = `${bucket}.${url.hostname}`
      return { origin: url.origin, host: url.host, pathOf: (objectKey) => `/${objectKey}` }
  }
}
