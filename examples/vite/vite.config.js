// The development server of Vite hands calls below /api to Larder. So page and API have one origin, as in production,
// and cookies work without CORS.
export default {
  server: {
    proxy: {'/api': 'http://127.0.0.1:8000'},
  },
};
