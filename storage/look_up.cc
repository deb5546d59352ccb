#include "storage/look_up.h"

#include <algorithm>
#include <limits>
#include <span>

#include "storage/look_up_file.h"

namespace stele::storage {

namespace {

bool matches(const StoredRecord& record, const Query& query) {
  const attest::Leaf& leaf = record.leaf;
  return (!query.since_ns || leaf.time_ns >= *query.since_ns) &&
         (!query.until_ns || leaf.time_ns < *query.until_ns) &&
         (!query.source || leaf.source == *query.source);
}

// One answer in the making.
struct Search {
  const Store& store;
  const Query& query;
  std::vector<std::uint64_t> found;

  bool is_full() const { return found.size() >= query.limit; }
  void scan(std::uint64_t begin, std::uint64_t end) {
    if (begin >= end || is_full()) return;
    store.visit(begin, end, [this](const StoredRecord& record) {
      if (matches(record, query)) found.push_back(record.index);
      return !is_full();
    });
  }
};

// A row said something that the store denies: its chunk is scanned instead.
struct RowIsFalse {};

// Records that lie nearer to each other than this are read together: their block is read once.
constexpr std::uint64_t kNear = 32;

// Reads the records at these ascending indices, and adds those that match. Throws RowIsFalse if one is
// not what the row says.
void read_back(Search& search, std::span<const std::uint64_t> indices,
               const std::function<bool(const StoredRecord&)>& is_true) {
  while (!indices.empty() && !search.is_full()) {
    std::size_t run = 1;
    while (run < indices.size() && indices[run] - indices[run - 1] < kNear) ++run;
    const auto wanted = indices.first(run);
    std::size_t next = 0;
    search.store.visit(wanted.front(), wanted.back() + 1, [&](const StoredRecord& record) {
      if (record.index != wanted[next]) return true;
      ++next;
      if (!is_true(record)) throw RowIsFalse{};
      if (matches(record, search.query)) search.found.push_back(record.index);
      return !search.is_full();
    });
    indices = indices.subspan(run);
  }
}

// Adds what a chunk's rows say of the indices [begin, end); throws RowIsFalse.
void look_up(Search& search, const LookUpFile& file, std::uint64_t chunk, const ChunkSummary& summary,
             std::uint64_t first, std::uint64_t begin, std::uint64_t end) {
  const Query& query = search.query;
  if (query.since_ns && summary.greatest_ns < *query.since_ns) return;
  if (query.until_ns && summary.least_ns >= *query.until_ns) return;
  // Of a chunk that the times touch, without a source, every record may match.
  if (!query.source) return search.scan(begin, end);
  if (!std::binary_search(summary.sources.begin(), summary.sources.end(), *query.source)) return;
  const auto places = file.postings(chunk, *query.source, summary.count);
  if (!places) throw RowIsFalse{};
  std::vector<std::uint64_t> indices;
  for (const std::uint32_t place : *places) {
    const std::uint64_t index = first + place;
    if (index >= begin && index < end) indices.push_back(index);
  }
  read_back(search, indices, [&](const StoredRecord& record) { return record.leaf.source == *query.source; });
}

bool same_history(const Store& store, std::uint64_t first, const ChunkSummary& summary) {
  const std::uint64_t last = first + summary.count - 1;
  return last < store.head().size &&
         attest::leaf_hash(store.read(last).encoded_leaf) == summary.last_leaf;
}

}  // namespace

struct LookUp::State {
  State(const std::string& path_, const LookUpFile::Key& key_)
      : path(path_), key(key_), file(LookUpFile::open(path, key)) {}

  std::string path;
  LookUpFile::Key key;
  std::optional<LookUpFile> file;  // the feeder's; empty only while it is made anew
  std::uint64_t chunk = 0;         // the newest: the one being filled
  ChunkBuilder builder;
  bool checked = false;            // that the file's chunks are this store's
  std::uint64_t flushed = 0;       // records of the newest chunk that the file has

  std::uint64_t first_of(std::uint64_t a_chunk) const { return a_chunk * key.chunk_records; }
  std::uint64_t size() const { return first_of(chunk) + builder.count(); }
  void begin_anew();
  void check(const Store& store);
  void feed(const Store& store, std::uint64_t up_to);
  void find(Search& search, std::uint64_t begin, std::uint64_t end) const;
};

void LookUp::State::begin_anew() {
  file.reset();
  LookUpFile::remove(path);
  file = LookUpFile::open(path, key);
  chunk = 0;
  flushed = 0;
  builder = ChunkBuilder();
}

// Goes on behind the full chunks that are this store's; the partial one is cheap to feed again.
void LookUp::State::check(const Store& store) {
  for (;; ++chunk) {
    const auto summary = file->summary(chunk);
    if (!summary || summary->count != key.chunk_records) break;
    if (!same_history(store, first_of(chunk), *summary)) break;
  }
  checked = true;
}

void LookUp::State::feed(const Store& store, std::uint64_t up_to) {
  if (!checked) check(store);
  if (size() > store.head().size) begin_anew();
  if (size() >= up_to) return;
  store.visit(size(), up_to, [this](const StoredRecord& record) {
    builder.add(record.leaf.time_ns, record.leaf.source, attest::leaf_hash(record.encoded_leaf));
    if (builder.count() == key.chunk_records) {
      file->write(chunk, builder);
      ++chunk;
      flushed = 0;
      builder = ChunkBuilder();
    }
    return true;
  });
}

void LookUp::State::find(Search& search, std::uint64_t begin, std::uint64_t end) const {
  std::optional<LookUpFile> reading = LookUpFile::open_for_queries(path, key);
  if (!reading) return search.scan(begin, end);
  reading->begin_reading();
  for (std::uint64_t at = begin / key.chunk_records; begin < end && !search.is_full(); ++at) {
    const std::uint64_t first = first_of(at);
    const std::uint64_t chunk_end = std::min(end, first + key.chunk_records);
    const auto summary = reading->summary(at);
    const std::size_t found = search.found.size();
    try {
      if (!summary || !same_history(search.store, first, *summary)) throw RowIsFalse{};
      const std::uint64_t known = std::min(chunk_end, first + summary->count);
      if (begin < known) look_up(search, *reading, at, *summary, first, begin, known);
      search.scan(std::max(begin, known), chunk_end);
    } catch (const RowIsFalse&) {
      search.found.resize(found);
      search.scan(begin, chunk_end);
    } catch (const LookUpError&) {
      search.found.resize(found);
      search.scan(begin, chunk_end);
    }
    begin = chunk_end;
  }
}

LookUp::LookUp(std::unique_ptr<State> state) : state_(std::move(state)) {}
LookUp::~LookUp() = default;

std::unique_ptr<LookUp> LookUp::open(const std::string& path, const attest::Hash& log_id,
                                     const LookUpOptions& options) {
  const LookUpFile::Key key{log_id, options.chunk_records};
  return std::unique_ptr<LookUp>(new LookUp(std::make_unique<State>(path, key)));
}

void LookUp::remove(const std::string& path) { LookUpFile::remove(path); }

std::uint64_t LookUp::size() const { return state_->size(); }

void LookUp::feed(const Store& store, std::uint64_t up_to) {
  try {
    state_->feed(store, up_to);
  } catch (const LookUpError& error) {
    if (!error.corrupt()) throw;
    state_->begin_anew();
    state_->feed(store, up_to);
  }
}

void LookUp::flush() {
  State& state = *state_;
  if (state.builder.count() == state.flushed) return;
  try {
    state.file->write(state.chunk, state.builder);
    state.flushed = state.builder.count();
  } catch (const LookUpError& error) {
    if (!error.corrupt()) throw;
    state.begin_anew();
  }
}

std::vector<std::uint64_t> LookUp::find(const Store& store, const Query& query) const {
  const std::uint64_t end = std::min(query.end.value_or(std::numeric_limits<std::uint64_t>::max()),
                                     store.head().size);
  const std::uint64_t begin = std::min(query.begin.value_or(0), end);
  Search search{store, query, {}};
  try {
    state_->find(search, begin, end);
  } catch (const LookUpError&) {
    // The look-up is of no use now; the answer comes from the store all the same.
    search.found.clear();
    search.scan(begin, end);
  }
  return search.found;
}

}  // namespace stele::storage
