// For `orval --config orval.config.mjs`.
export default {
  larder: {
    input: "./openapi.json",
    output: {
      target: "./generated.ts",
      client: "fetch",
      override: { mutator: { path: "./fetch.ts", name: "larderFetch" } },
    },
  },
};
