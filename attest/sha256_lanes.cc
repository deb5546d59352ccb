#include "attest/sha256_lanes.h"

#include "attest/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define LANES [[gnu::target("avx512f,avx512bw")]]
#define LANES_INLINE [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] inline

namespace stele::attest {
namespace {

// Element i of a vector belongs to lane i.
using Words = __m512i;

// FIPS 180-4, 4.2.2 and 5.3.3.
constexpr std::array<std::uint32_t, 64> kRoundConstants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
constexpr std::array<std::uint32_t, 8> kInitialState{
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

LANES_INLINE Words add(Words x, Words y) {
  return _mm512_add_epi32(x, y);
}
// The third argument of ternarylogic is the function's truth table.
LANES_INLINE Words xor3(Words x, Words y, Words z) {
  return _mm512_ternarylogic_epi32(x, y, z, 0x96);
}
LANES_INLINE Words choose(Words x, Words y, Words z) {
  return _mm512_ternarylogic_epi32(x, y, z, 0xca);
}
LANES_INLINE Words majority(Words x, Words y, Words z) {
  return _mm512_ternarylogic_epi32(x, y, z, 0xe8);
}
template <int A, int B, int C>
LANES_INLINE Words big_sigma(Words x) {
  return xor3(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B), _mm512_ror_epi32(x, C));
}
template <int A, int B, int Shift>
LANES_INLINE Words small_sigma(Words x) {
  return xor3(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B), _mm512_srli_epi32(x, Shift));
}

// One round; the caller renames the eight words instead of moving them.
LANES_INLINE void round(Words a, Words b, Words c, Words& d, Words e, Words f, Words g, Words& h,
                        Words word, std::uint32_t constant) {
  h = add(add(h, add(word, _mm512_set1_epi32(static_cast<int>(constant)))),
          add(big_sigma<6, 11, 25>(e), choose(e, f, g)));
  d = add(d, h);
  h = add(h, add(big_sigma<2, 13, 22>(a), majority(a, b, c)));
}

// w[j] becomes the word sixteen rounds later.
template <int J>
LANES_INLINE void extend(Words (&w)[16]) {
  w[J] = add(add(w[J], small_sigma<7, 18, 3>(w[(J + 1) & 15])),
             add(w[(J + 9) & 15], small_sigma<17, 19, 10>(w[(J + 14) & 15])));
}
LANES_INLINE void extend_all(Words (&w)[16]) {
  extend<0>(w), extend<1>(w), extend<2>(w), extend<3>(w);
  extend<4>(w), extend<5>(w), extend<6>(w), extend<7>(w);
  extend<8>(w), extend<9>(w), extend<10>(w), extend<11>(w);
  extend<12>(w), extend<13>(w), extend<14>(w), extend<15>(w);
}

LANES_INLINE void eight_rounds(Words (&s)[8], const Words* w, const std::uint32_t* k) {
  round(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], w[0], k[0]);
  round(s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], w[1], k[1]);
  round(s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], w[2], k[2]);
  round(s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], w[3], k[3]);
  round(s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], w[4], k[4]);
  round(s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], w[5], k[5]);
  round(s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], w[6], k[6]);
  round(s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], w[7], k[7]);
}

LANES_INLINE void compress(Words (&state)[8], Words (&w)[16]) {
  Words s[8];
  for (int i = 0; i < 8; ++i) s[i] = state[i];
  for (std::size_t t = 0; t < kRoundConstants.size(); t += 16) {
    if (t > 0) extend_all(w);
    eight_rounds(s, w, &kRoundConstants[t]);
    eight_rounds(s, w + 8, &kRoundConstants[t + 8]);
  }
  for (int i = 0; i < 8; ++i) state[i] = add(state[i], s[i]);
}

// Rows become columns, in four steps that each exchange twice as much: first single words of
// neighbouring rows, then pairs; then quarters of rows four and eight apart.
LANES_INLINE void transpose(Words (&rows)[16]) {
  Words half[16];
  for (int i = 0; i < 16; i += 2) {
    half[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    half[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  // Now quarter q of rows[4 * i + j] holds word 4 * q + j of the messages 4 * i … 4 * i + 3.
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(half[i], half[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(half[i], half[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(half[i + 1], half[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(half[i + 1], half[i + 3]);
  }
  constexpr int kEven = 0x88, kOdd = 0xdd;  // quarters 0, 2 of both; quarters 1, 3 of both
  for (int j = 0; j < 4; ++j) {
    const Words low_even = _mm512_shuffle_i32x4(rows[j], rows[4 + j], kEven);
    const Words low_odd = _mm512_shuffle_i32x4(rows[j], rows[4 + j], kOdd);
    const Words high_even = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], kEven);
    const Words high_odd = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], kOdd);
    rows[j] = _mm512_shuffle_i32x4(low_even, high_even, kEven);
    rows[8 + j] = _mm512_shuffle_i32x4(low_even, high_even, kOdd);
    rows[4 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, kEven);
    rows[12 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, kOdd);
  }
}

// Big-endian words in memory, one a lane, from and to the processor's.
LANES_INLINE Words swap_bytes(Words words) {
  const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  return _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(order));
}

LANES_INLINE void load(Words (&w)[16], const std::array<Sha256Lane, kSha256Lanes>& lanes,
                       std::size_t block) {
  for (std::size_t i = 0; i < kSha256Lanes; ++i) {
    w[i] = swap_bytes(_mm512_loadu_si512(lanes[i].padded + block * kSha256BlockBytes));
  }
  transpose(w);
}

// Tells the lanes whose message ends with this block.
LANES_INLINE void store(const Words (&state)[8], const std::array<Sha256Lane, kSha256Lanes>& lanes,
                        std::size_t blocks) {
  Words rows[16] = {};
  for (int i = 0; i < 8; ++i) rows[i] = swap_bytes(state[i]);
  transpose(rows);
  for (std::size_t i = 0; i < kSha256Lanes; ++i) {
    if (lanes[i].blocks != blocks || lanes[i].out == nullptr) continue;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes[i].out->bytes.data()),
                        _mm512_castsi512_si256(rows[i]));
  }
}

}  // namespace

bool has_sha256_lanes() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  return has;
}

LANES void sha256_lanes(const std::array<Sha256Lane, kSha256Lanes>& lanes) {
  std::size_t longest = 0;
  std::uint64_t ends = 0;  // bit n: some lane has n blocks; bit 63: 63 or more
  for (const Sha256Lane& lane : lanes) {
    longest = lane.blocks > longest ? lane.blocks : longest;
    ends |= std::uint64_t{1} << (lane.blocks < 63 ? lane.blocks : 63);
  }
  Words state[8];
  for (std::size_t i = 0; i < 8; ++i) {
    state[i] = _mm512_set1_epi32(static_cast<int>(kInitialState[i]));
  }
  for (std::size_t block = 0; block < longest; ++block) {
    Words w[16];
    load(w, lanes, block);
    compress(state, w);
    const std::size_t done = block + 1;
    if (ends >> (done < 63 ? done : 63) & 1) store(state, lanes, done);
  }
}

}  // namespace stele::attest

#else

namespace stele::attest {

bool has_sha256_lanes() {
  return false;
}
void sha256_lanes(const std::array<Sha256Lane, kSha256Lanes>&) {
  ENSURE(false);
}

}  // namespace stele::attest

#endif
