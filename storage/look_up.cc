#include "storage/look_up.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "storage/look_up_file.h"

namespace stele::storage {

namespace {

// A row said something that the store denies: its chunk is scanned instead.
struct RowIsFalse {};

// Records that lie nearer to each other than this are read together: their block is read once.
constexpr std::uint64_t kNear = 32;

// What a query asks of a chunk's lists.
struct Wanted {
  Wanted(const Query& query, const TermHash& hash) : source(query.source) {
    for (std::size_t field = 0; field < kTermFields; ++field) {
      if (!query.terms[field]) continue;
      std::string folded;
      fold(*query.terms[field], folded);
      terms.emplace_back(field, hash(field, folded));
    }
  }
  bool nothing() const { return !source && terms.empty(); }

  std::optional<std::uint64_t> source;
  std::vector<std::pair<std::size_t, std::uint64_t>> terms;  // field, hash
};

// Reads the records at these ascending indices, and adds those that match. Throws RowIsFalse if one
// is not what the lists say.
void read_back(Search& search, std::span<const std::uint64_t> indices) {
  const Query& query = search.query;
  while (!indices.empty() && !search.is_over()) {
    std::size_t run = 1;
    while (run < indices.size() && indices[run] - indices[run - 1] < kNear) ++run;
    const auto wanted = indices.first(run);
    std::size_t next = 0;
    search.store.visit(wanted.front(), wanted.back() + 1, [&](const StoredRecord& record) {
      if (record.index != wanted[next]) return true;
      ++next;
      if (query.source && record.leaf.source != *query.source) throw RowIsFalse{};
      if (search.matches(record)) {
        search.found.indices.push_back(record.index);
      } else if (!search.matches.has_terms(record)) {
        throw RowIsFalse{};
      }
      return !search.is_over();
    });
    indices = indices.subspan(run);
  }
}

// Keeps what both have.
void intersect(std::optional<Places>& all, Places places) {
  if (!all) {
    all = std::move(places);
    return;
  }
  Places both;
  std::set_intersection(all->begin(), all->end(), places.begin(), places.end(),
                        std::back_inserter(both));
  all = std::move(both);
}

// Reads back what the lists of a chunk have in common within [begin, end).
void read_places(Search& search, const Places& places, std::uint64_t first, std::uint64_t begin,
                 std::uint64_t end) {
  std::vector<std::uint64_t> indices;
  for (const std::uint32_t place : places) {
    const std::uint64_t index = first + place;
    if (index >= begin && index < end) indices.push_back(index);
  }
  read_back(search, indices);
}

bool times_touch(const Query& query, std::int64_t least_ns, std::int64_t greatest_ns) {
  return !(query.since_ns && greatest_ns < *query.since_ns) &&
         !(query.until_ns && least_ns >= *query.until_ns);
}

// Adds what a chunk's rows say of the indices [begin, end); throws RowIsFalse.
void look_up(Search& search, const Wanted& wanted, const LookUpFile& file, std::uint64_t chunk,
             const ChunkSummary& summary, std::uint64_t first, std::uint64_t begin,
             std::uint64_t end) {
  if (!times_touch(search.query, summary.least_ns, summary.greatest_ns)) return;
  // Of a chunk that the times touch, without anything else asked for, every record may match.
  if (wanted.nothing()) return search.scan(begin, end);
  std::optional<Places> all;
  if (wanted.source) {
    if (!std::binary_search(summary.sources.begin(), summary.sources.end(), *wanted.source)) return;
    auto places = file.postings(chunk, *wanted.source, summary.count);
    if (!places) throw RowIsFalse{};
    intersect(all, std::move(*places));
  }
  for (const auto& [field, hash] : wanted.terms) {
    if (summary.term_rows[field] == 0) return;
    auto places = file.term(chunk, field, hash, summary);
    if (!places) throw RowIsFalse{};
    if (places->empty()) return;
    intersect(all, std::move(*places));
  }
  read_places(search, *all, first, begin, end);
}

// The same of the newest chunk, from memory.
void look_up(Search& search, const Wanted& wanted, const ChunkBuilder& builder, std::uint64_t first,
             std::uint64_t begin, std::uint64_t end) {
  if (!times_touch(search.query, builder.least_ns(), builder.greatest_ns())) return;
  if (wanted.nothing()) return search.scan(begin, end);
  std::optional<Places> all;
  if (wanted.source) intersect(all, builder.places_of(*wanted.source));
  for (const auto& [field, hash] : wanted.terms) intersect(all, builder.places_of(field, hash));
  read_places(search, *all, first, begin, end);
}

// By the leaf's hash alone: without its content, which would be a block to read.
bool is_leaf(const Store& store, std::uint64_t index, const attest::Hash& leaf) {
  if (index >= store.head().size) return false;
  const attest::NodeId node{0, index};
  return store.read_hashes(std::span(&node, 1)).front() == leaf;
}

}  // namespace

struct LookUp::State {
  State(const std::string& path_, const LookUpFile::Key& key_, TermReader reader_)
      : path(path_),
        key(key_),
        reader(std::move(reader_)),
        hash(key.log_id),
        file(LookUpFile::open(path, key)) {}

  std::string path;
  LookUpFile::Key key;
  TermReader reader;
  TermHash hash;
  std::optional<LookUpFile> file;  // the feeder's; empty only while it is made anew
  std::uint64_t chunk = 0;         // the newest: the one being filled
  ChunkBuilder builder;
  bool checked = false;       // that the file's chunks are this store's
  std::string folded;         // scratch
  std::uint64_t flushed = 0;  // records of the newest chunk that the file has

  std::uint64_t first_of(std::uint64_t a_chunk) const { return a_chunk * key.chunk_records; }
  std::uint64_t size() const { return first_of(chunk) + builder.count(); }
  void begin_anew();
  void check(const Store& store);
  void feed(const Store& store, std::uint64_t up_to);
  void add(const StoredRecord& record);
  void find(Search& search) const;
  void find_in_chunk(Search& search, const Wanted& wanted, const LookUpFile* reading,
                     std::uint64_t at, std::uint64_t begin, std::uint64_t end) const;
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
    if (!is_leaf(store, first_of(chunk) + summary->count - 1, summary->last_leaf)) break;
  }
  checked = true;
}

void LookUp::State::add(const StoredRecord& record) {
  builder.add(record.leaf.time_ns, record.leaf.source, record.encoded_leaf);
  if (!reader.read) return;
  Terms terms;
  reader.read(record, terms);
  for (std::size_t field = 0; field < kTermFields; ++field) {
    if (terms[field].empty()) continue;
    folded.clear();
    fold(terms[field], folded);
    builder.add_term(field, hash(field, folded));
  }
}

void LookUp::State::feed(const Store& store, std::uint64_t up_to) {
  if (!checked) check(store);
  if (size() > store.head().size) begin_anew();
  if (size() >= up_to) return;
  store.visit(size(), up_to, [this](const StoredRecord& record) {
    add(record);
    if (builder.count() == key.chunk_records) {
      file->write(chunk, builder);
      ++chunk;
      flushed = 0;
      builder = ChunkBuilder();
    }
    return true;
  });
}

void LookUp::State::find_in_chunk(Search& search, const Wanted& wanted, const LookUpFile* reading,
                                  std::uint64_t at, std::uint64_t begin, std::uint64_t end) const {
  const std::uint64_t first = first_of(at);
  if (at == chunk && builder.count() > 0 &&
      is_leaf(search.store, size() - 1, builder.last_leaf())) {
    const std::uint64_t known = std::clamp(size(), begin, end);
    if (begin < known) look_up(search, wanted, builder, first, begin, known);
    return search.scan(known, end);
  }
  if (reading == nullptr) throw RowIsFalse{};
  const auto summary = reading->summary(at);
  if (!summary || !is_leaf(search.store, first + summary->count - 1, summary->last_leaf))
    throw RowIsFalse{};
  const std::uint64_t known = std::clamp(first + summary->count, begin, end);
  if (begin < known) look_up(search, wanted, *reading, at, *summary, first, begin, known);
  search.scan(known, end);
}

void LookUp::State::find(Search& search) const {
  const Wanted wanted(search.query, hash);
  std::optional<LookUpFile> reading = LookUpFile::open_for_queries(path, key);
  if (reading) reading->begin_reading();
  std::uint64_t begin = search.begin();
  const std::uint64_t end = search.end();
  for (std::uint64_t at = begin / key.chunk_records; begin < end && !search.is_over(); ++at) {
    const std::uint64_t chunk_end = std::min(end, first_of(at) + key.chunk_records);
    const std::size_t found = search.found.indices.size();
    const auto scan_instead = [&] {
      search.found.indices.resize(found);
      search.scan(begin, chunk_end);
    };
    try {
      find_in_chunk(search, wanted, reading ? &*reading : nullptr, at, begin, chunk_end);
    } catch (const RowIsFalse&) {
      scan_instead();
    } catch (const LookUpError&) {
      scan_instead();
    }
    begin = chunk_end;
  }
}

LookUp::LookUp(std::unique_ptr<State> state) : state_(std::move(state)) {}
LookUp::~LookUp() = default;

std::unique_ptr<LookUp> LookUp::open(const std::string& path, const attest::Hash& log_id,
                                     TermReader reader, const LookUpOptions& options) {
  const LookUpFile::Key key{log_id, options.chunk_records, reader.fingerprint};
  return std::unique_ptr<LookUp>(new LookUp(std::make_unique<State>(path, key, std::move(reader))));
}

void LookUp::remove(const std::string& path) {
  LookUpFile::remove(path);
}

std::uint64_t LookUp::size() const {
  return state_->size();
}

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

Found LookUp::find(const Store& store, const Query& query) const {
  Search search(store, query, state_->reader);
  try {
    state_->find(search);
    return std::move(search.found);
  } catch (const LookUpError&) {
    // The look-up is of no use now; the answer comes from the store all the same.
    return scan(store, query, state_->reader);
  }
}

}  // namespace stele::storage
