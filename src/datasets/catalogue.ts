/** One file of a data set: its name everywhere, and the SHA-256 of its content after decompression. */
export interface CatalogueFile {
  readonly name: string;
  readonly contentSha256: string;
}

/** A data set of four IDX files, as MNIST's authors made it. */
export interface CatalogueEntry {
  /** The function that loads it, as errors name it. */
  readonly who: string;
  /** Name of its folder. */
  readonly name: string;
  readonly classNames: readonly string[];
  /** Public homes, the author's first; each is a folder with all files. */
  readonly homes: readonly string[];
  readonly files: {
    readonly trainImages: CatalogueFile;
    readonly trainLabels: CatalogueFile;
    readonly testImages: CatalogueFile;
    readonly testLabels: CatalogueFile;
  };
}

// The checksums are those of the decompressed files: mirrors compress MNIST differently, and some servers hand
// browsers the decompressed file. The compressed files they were taken from match the published checksums.

/** Zalando's Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), MIT licence. */
export const fashionMnistEntry: CatalogueEntry = {
  who: "fashionMnist",
  name: "fashion-mnist",
  classNames: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  homes: [
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
  ],
  files: {
    trainImages: {
      name: "train-images-idx3-ubyte.gz",
      contentSha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    trainLabels: {
      name: "train-labels-idx1-ubyte.gz",
      contentSha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    testImages: {
      name: "t10k-images-idx3-ubyte.gz",
      contentSha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    testLabels: {
      name: "t10k-labels-idx1-ubyte.gz",
      contentSha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
  },
};

/** MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0. Its own home no longer serves it; these are the mirrors in use. */
export const mnistEntry: CatalogueEntry = {
  who: "mnist",
  name: "mnist",
  classNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  homes: [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
  ],
  files: {
    trainImages: {
      name: "train-images-idx3-ubyte.gz",
      contentSha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    trainLabels: {
      name: "train-labels-idx1-ubyte.gz",
      contentSha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    testImages: {
      name: "t10k-images-idx3-ubyte.gz",
      contentSha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    testLabels: {
      name: "t10k-labels-idx1-ubyte.gz",
      contentSha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
  },
};
