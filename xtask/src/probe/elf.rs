//! A reader of 32-bit little-endian ELF files, as much as sizes need.

/// What an executable takes up, and what for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Bytes of the image: code, constants, vectors, and what RAM begins with.
    pub(crate) flash: u64,
    /// Functions and statics, the largest first.
    pub(crate) symbols: Vec<Symbol>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// As the linker knows it.
    pub(crate) name: String,
    pub(crate) size: u64,
}

impl Image {
    /// Reads a file; `None` if it is none of that kind.
    pub(crate) fn parse(file: &[u8]) -> Option<Image> {
        if !file.starts_with(b"\x7FELF\x01\x01") {
            return None;
        }
        let sections = Sections::read(file)?;
        let mut flash = 0;
        let mut symbols = Vec::new();
        for section in sections.iter() {
            if section.flags & ALLOCATED != 0 && section.kind != NO_BITS {
                flash += u64::from(section.size);
            }
            if section.kind == SYMBOL_TABLE {
                symbols.extend(sections.symbols(&section)?);
            }
        }
        // Aliases of one function stand there under each of their names.
        symbols.sort_by(|a, b| (b.1.size, a.0, &a.1.name).cmp(&(a.1.size, b.0, &b.1.name)));
        symbols.dedup_by_key(|(address, symbol)| (*address, symbol.size));
        Some(Image { flash, symbols: symbols.into_iter().map(|(_, symbol)| symbol).collect() })
    }
}

/// The table of sections.
struct Sections<'f> {
    file: &'f [u8],
    table: &'f [u8],
}

struct Section {
    kind: u32,
    flags: u32,
    offset: u32,
    size: u32,
    link: u32,
}

impl<'f> Sections<'f> {
    fn read(file: &'f [u8]) -> Option<Self> {
        let count = usize::from(half(file, 48)?);
        let table = cut(file, word(file, 32)?, u32::try_from(count * SECTION).ok()?)?;
        Some(Sections { file, table })
    }

    fn iter(&self) -> impl Iterator<Item = Section> {
        self.table.chunks_exact(SECTION).filter_map(|entry| {
            Some(Section {
                kind: word(entry, 4)?,
                flags: word(entry, 8)?,
                offset: word(entry, 16)?,
                size: word(entry, 20)?,
                link: word(entry, 24)?,
            })
        })
    }

    /// Each symbol that takes up bytes, with its address.
    fn symbols(&self, table: &Section) -> Option<Vec<(u32, Symbol)>> {
        let names = self.iter().nth(table.link as usize)?;
        let names = cut(self.file, names.offset, names.size)?;
        let mut symbols = Vec::new();
        for entry in cut(self.file, table.offset, table.size)?.chunks_exact(SYMBOL) {
            let size = word(entry, 8)?;
            if size > 0 {
                let name = names.get(word(entry, 0)? as usize..)?.split(|&byte| byte == 0).next()?;
                let name = String::from_utf8_lossy(name).into_owned();
                symbols.push((word(entry, 4)?, Symbol { name, size: size.into() }));
            }
        }
        Some(symbols)
    }
}

fn cut(file: &[u8], offset: u32, size: u32) -> Option<&[u8]> {
    file.get(offset as usize..)?.get(..size as usize)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

const SECTION: usize = 40;
const SYMBOL: usize = 16;
/// SHT_SYMTAB
const SYMBOL_TABLE: u32 = 2;
/// SHT_NOBITS
const NO_BITS: u32 = 8;
/// SHF_ALLOC
const ALLOCATED: u32 = 0x2;

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a header, these sections (kind, flags, contents, link) and nothing else.
    fn file(sections: &[(u32, u32, &[u8], u32)]) -> Vec<u8> {
        let mut file = b"\x7FELF\x01\x01".to_vec();
        file.resize(52, 0);
        let mut table = Vec::new();
        for (kind, flags, contents, link) in sections {
            let words = [0, *kind, *flags, 0, file.len() as u32, contents.len() as u32, *link, 0, 0, 0];
            table.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            file.extend_from_slice(contents);
        }
        let offset = file.len() as u32;
        file[32..36].copy_from_slice(&offset.to_le_bytes());
        file[48..50].copy_from_slice(&(sections.len() as u16).to_le_bytes());
        file.extend(table);
        file
    }

    fn symbol(name: u32, address: u32, size: u32) -> Vec<u8> {
        [name, address, size, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn flash_is_what_is_allocated_and_has_bytes() {
        let image = Image::parse(&file(&[
            (1, ALLOCATED, &[0; 100], 0),
            (1, ALLOCATED | 1, &[0; 20], 0),
            (NO_BITS, ALLOCATED | 1, &[0; 50], 0),
            (1, 0, &[0; 1_000], 0),
        ]));
        assert_eq!(image.unwrap().flash, 120);
    }

    #[test]
    fn symbols_come_largest_first_and_aliases_once() {
        let table = [symbol(1, 8, 4), symbol(3, 16, 90), symbol(5, 16, 90), symbol(1, 0, 0)].concat();
        let image = Image::parse(&file(&[(SYMBOL_TABLE, 0, &table, 1), (3, 0, b"\0a\0b\0c\0", 0)])).unwrap();
        let symbols: Vec<_> = image.symbols.iter().map(|symbol| (symbol.name.as_str(), symbol.size)).collect();
        assert_eq!(symbols, [("b", 90), ("a", 4)]);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let mut whole = file(&[(1, ALLOCATED, &[0; 9], 0)]);
        assert!(Image::parse(&whole).is_some());
        assert_eq!(Image::parse(&whole[..whole.len() - 1]), None);
        // 64 bits
        whole[4] = 2;
        assert_eq!(Image::parse(&whole), None);
    }
}
